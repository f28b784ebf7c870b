//! Developer commands: `cargo xtask test` sets up and runs every test, `cargo xtask tidy` checks the source tree,
//! `cargo xtask bench` measures the engine beside its peers.
//! Knows the programs of this workspace from outside only; it must build in seconds.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer command talks to a terminal")]

mod bench;
mod built;
mod environment;
mod load;
mod suite;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

use environment::Environment;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test [--fast] [ARGS...]  install what the tests need, start the servers they talk to, fetch the base
                           model, run every test, and some once more on each older set of instructions
                           that the processor has
                           --fast   leave out the tests that need the base model
                           ARGS     passed on to `cargo test`
  tidy                     check layering, the code map and the form of the source files";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command asked for; false when it ran and found something wrong.
fn run() -> Result<bool> {
    let mut arguments = std::env::args().skip(1);
    let environment = Environment::read()?;
    match arguments.next().as_deref() {
        Some("test") => suite::run(&environment, arguments),
        Some("bench") => bench::run(&environment, arguments),
        Some("load") => load::run(&environment, arguments),
        Some("tidy") => tidy::run(&environment.workspace_root),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}\n{}\n{}", bench::USAGE, load::USAGE);
            Ok(true)
        }
        Some(other) => bail!("there is no command `{other}`\n\n{USAGE}\n{}\n{}", bench::USAGE, load::USAGE),
        None => bail!("which command?\n\n{USAGE}\n{}\n{}", bench::USAGE, load::USAGE),
    }
}
