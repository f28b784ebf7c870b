//! `cargo xtask test`: installs what the tests need, starts the servers they talk to, fetches the base model,
//! runs every test, some of them on older instructions too, and sums up.

mod base_model;
mod levels;
mod needs;
mod servers;
mod summary;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::environment::Environment;
use servers::Servers;
use summary::Summary;

/// The variable through which tests learn where the base model lies; they are left out without it.
const TEST_MODEL: &str = "GRADUS_TEST_MODEL";

/// Sets up and runs the tests; false when one failed.
///
/// # Errors
/// When something that the tests need is missing and cannot be installed or fetched.
pub(crate) fn run(environment: &Environment, arguments: impl IntoIterator<Item = String>) -> Result<bool> {
    let selection = Selection::parse(arguments);
    let started = Instant::now();

    needs::ensure(needs::EVERY_RUN, &environment.command_dirs)?;
    let model = if selection.fast { None } else { Some(base_model(environment)?) };

    let servers = match Servers::are_for(&selection.packages()) {
        true => Some(Servers::start(environment)?),
        false => None,
    };

    let mut tests = selection.command(environment);
    if let Some(servers) = &servers {
        servers.name_to(&mut tests);
    }
    match &model {
        Some(path) => tests.env(TEST_MODEL, path),
        None => tests.env_remove(TEST_MODEL),
    };
    let mut summary = Summary::default();
    let mut passed = run_and_follow(&mut tests, &mut summary)?;
    if selection.is_everything() {
        passed &= levels::run(environment, &mut summary)?;
    }

    println!("\n{summary}");
    println!(
        "took {:.0} s, {}",
        started.elapsed().as_secs_f64(),
        match &model {
            Some(path) => format!("base model {}", path.display()),
            None => "without the tests that need the base model (--fast)".to_owned(),
        }
    );
    Ok(passed)
}

/// The model to test with: the one named, or the base model, fetched where it is not there.
pub(crate) fn base_model(environment: &Environment) -> Result<PathBuf> {
    if let Some(path) = &environment.test_model {
        anyhow::ensure!(
            path.is_file(),
            "{TEST_MODEL} names {}, which is not a file; unset it to have the base model fetched",
            path.display()
        );
        return Ok(path.clone());
    }
    needs::ensure(needs::BASE_MODEL, &environment.command_dirs)?;
    base_model::fetch(environment)
}

/// Which tests to run: what was typed after `cargo xtask test`.
struct Selection {
    fast: bool,
    cargo_arguments: Vec<String>,
}

impl Selection {
    /// Takes out `--fast`; whatever follows `--` belongs to the tests themselves.
    fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut fast = false;
        let mut for_the_tests = false;
        let cargo_arguments = arguments
            .into_iter()
            .filter(|argument| {
                for_the_tests |= argument == "--";
                let is_ours = !for_the_tests && argument == "--fast";
                fast |= is_ours;
                !is_ours
            })
            .collect();
        Self { fast, cargo_arguments }
    }

    fn command(&self, environment: &Environment) -> Command {
        let mut command = environment.cargo();
        command.arg("test");
        if self.packages().is_empty() {
            // Cargo gives --workspace precedence over --package.
            command.arg("--workspace");
        }
        command
            .arg("--no-fail-fast")
            .args(&self.cargo_arguments)
            // No test may touch the data of an installation that the caller has.
            .env_remove("GRADUS_DATA_DIR");
        command
    }

    fn is_everything(&self) -> bool {
        self.cargo_arguments.is_empty()
    }

    /// The packages that were named; none stands for all.
    fn packages(&self) -> Vec<&str> {
        let mut arguments = self.cargo_arguments.iter().take_while(|argument| *argument != "--");
        let mut packages = Vec::new();
        while let Some(argument) = arguments.next() {
            let name = match argument.as_str() {
                "-p" | "--package" => arguments.next().map(String::as_str),
                argument => argument.strip_prefix("--package=").or(argument.strip_prefix("-p")),
            };
            packages.extend(name);
        }
        packages
    }
}

/// Runs the tests, shows what they print as it comes, and counts their results; false when one failed.
fn run_and_follow(tests: &mut Command, summary: &mut Summary) -> Result<bool> {
    let mut child = tests.stdout(Stdio::piped()).spawn().context("could not start the tests")?;
    if let Some(output) = child.stdout.take() {
        follow(output, summary)?;
    }
    Ok(child.wait()?.success())
}

fn follow(output: impl Read, summary: &mut Summary) -> Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        io::stdout().write_all(&line)?;
        summary.read_line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Selection {
        Selection::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn fast_is_ours_and_the_rest_goes_to_cargo() {
        let selection = parse("--fast -p gradus-domain marks");
        assert!(selection.fast);
        assert_eq!(selection.cargo_arguments, ["-p", "gradus-domain", "marks"].map(str::to_owned));
    }

    #[test]
    fn fast_after_two_dashes_belongs_to_the_tests() {
        let selection = parse("-- --fast");
        assert!(!selection.fast);
        assert_eq!(selection.cargo_arguments, ["--", "--fast"]);
    }

    #[test]
    fn a_named_package_replaces_the_whole_workspace() {
        for line in
            ["--package=gradus-domain", "--package gradus-domain", "-p gradus-domain", "-pgradus-domain"]
        {
            assert_eq!(parse(line).packages(), ["gradus-domain"], "{line}");
        }
        assert!(parse("marks -- -p x").packages().is_empty());
    }
}
