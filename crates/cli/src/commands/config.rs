//! `gradus config`: what the configuration comes to.

use clap::{Args, Subcommand};

use crate::config::shown;
use crate::environment::Environment;
use crate::output;

/// Look at the configuration of a server
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus config check --config gradus.toml")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the configuration file and the environment variables, and show every setting in effect
    ///
    /// Nothing is opened or connected to. Passwords and keys are not shown.
    #[command(
        after_help = "Example:\n  gradus config check --config gradus.toml\n\nA setting `listen` in `[server]` is GRADUS_SERVER_LISTEN in the environment, which goes over the file."
    )]
    Check,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    match arguments.command {
        ConfigCommand::Check => {
            let config = environment.config()?;
            config.check(&environment.data_directory)?;
            let shown = shown(&config, &environment.data_directory)?;
            if environment.json {
                return output::print_json(&shown);
            }
            output::print(serde_json::to_string_pretty(&shown)?);
            crate::console::line("The configuration is in order.");
            Ok(())
        }
    }
}
