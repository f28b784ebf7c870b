//! The `gradus` command: reads the command line and the environment, and hands the work to the services.

mod again;
mod commands;
mod config;
mod confine;
mod console;
mod device;
mod environment;
mod interrupt;
mod output;
mod plan;
mod run;
mod service;
mod share;
mod trust;

use std::process::ExitCode;

use clap::Parser;
use gradus_app::Error;

use crate::commands::Command;
use crate::environment::{Environment, GlobalOptions};

/// Exit status after Ctrl-C, as shells report it.
const INTERRUPTED: u8 = 130;

/// Train a language model on your marking guide and your marked answers, and see how far to trust it.
///
/// Start with `gradus quickstart`, which runs the whole job on a bundled example.
#[derive(Debug, Parser)]
#[command(name = "gradus", version, max_term_width = 100)]
struct CommandLine {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let json = line.global.json;
    interrupt::listen();
    match Environment::new(line.global).and_then(|environment| line.command.run(&environment)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(json, &error);
            match error.downcast_ref::<Error>() {
                Some(Error::Interrupted | Error::Paused) => ExitCode::from(INTERRUPTED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
