//! `gradus doctor`: what is installed, what is missing and what that costs.

use clap::Args;
use gradus_app::doctor::{Health, examine};

use crate::environment::Environment;
use crate::output;

/// Say what is installed, what is missing and what that costs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus doctor")]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let found = examine(&environment.data_directory, &environment.catalogue);
    if environment.json {
        output::print_json(&found)?;
    } else {
        for diagnosis in &found {
            let sign = match diagnosis.health {
                Health::Good => "ok     ",
                Health::Limited => "limited",
                Health::Broken => "BROKEN ",
            };
            output::print(format!("{sign}  {}: {}", diagnosis.what, diagnosis.found));
            if !diagnosis.advice.is_empty() {
                output::print(format!("         {}", diagnosis.advice));
            }
        }
    }
    anyhow::ensure!(
        found.iter().all(|diagnosis| diagnosis.health != Health::Broken),
        "something necessary is missing; see the lines marked BROKEN"
    );
    Ok(())
}
