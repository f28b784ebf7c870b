//! What is tested once more on each older set of instructions that the processor has: `GRADUS_CPU` asks for
//! them. The tests that need the base model are left out, as they take minutes there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::summary::Summary;
use super::{TEST_MODEL, run_and_follow};
use crate::built::Built;
use crate::environment::Environment;

/// The variable that asks for a level.
const LEVEL: &str = "GRADUS_CPU";
/// Levels, the oldest first. The last is AMX, which only a plain run tests.
const LEVELS: [&str; 4] = ["portable", "avx2", "avx512", "avx512-bf16"];

/// A program of tests, by the directory of its crate and its own name, and which of its tests to run: those
/// whose names contain one of the words, or all.
struct Program {
    directory: &'static str,
    name: &'static str,
    tests: &'static [&'static str],
}

/// The kernels; backends, training and generation on top of them; runs of PEFT; the command from training to
/// report.
#[rustfmt::skip]
const PROGRAMS: &[Program] = &[
    Program { directory: "crates/kernels", name: "gradus_kernels", tests: &[] },
    Program { directory: "crates/engine", name: "backends", tests: &[] },
    Program { directory: "crates/engine", name: "training", tests: &["resume"] },
    Program { directory: "crates/engine", name: "generation", tests: &["batches", "memory"] },
    Program { directory: "crates/engine", name: "export", tests: &["long_parity"] },
    Program { directory: "crates/cli", name: "command_line", tests: &["each_method_trains_marks_and_is_recorded"] },
];

/// Runs them on every level below the processor's own; false when one failed.
pub(super) fn run(environment: &Environment, summary: &mut Summary) -> Result<bool> {
    // The run before has built them.
    let built = Built::with(environment, &["test", "--workspace", "--no-run"])?;
    let programs: Vec<(&Program, PathBuf)> =
        PROGRAMS.iter().map(|program| Ok((program, program.find(&built)?))).collect::<Result<_>>()?;
    let own = own_level(environment, &built.program("gradus")?)?;
    let mut passed = true;
    for level in LEVELS {
        if !is_below(level, &own) {
            let why =
                if level == own { "is what every test above ran on" } else { "is not on this processor" };
            println!("\n{LEVEL}={level} {why}: skipped");
            continue;
        }
        println!("\n{LEVEL}={level}");
        let mut again = Summary::default();
        for (program, path) in &programs {
            let mut tests = Command::new(path);
            tests.args(program.tests).current_dir(environment.workspace_root.join(program.directory));
            tests.env(LEVEL, level).env_remove(TEST_MODEL).env_remove("GRADUS_DATA_DIR");
            passed &= run_and_follow(&mut tests, &mut again)?;
        }
        summary.add(again, level);
    }
    Ok(passed)
}

impl Program {
    /// Where cargo says it lies.
    fn find(&self, built: &Built) -> Result<PathBuf> {
        let is_this = |message: &Value| {
            let manifest = message["manifest_path"].as_str().map(Path::new).and_then(Path::parent);
            message["profile"]["test"] == true
                && message["target"]["name"] == self.name
                && manifest.is_some_and(|directory| directory.ends_with(self.directory))
        };
        let path = built.find(is_this);
        path.with_context(|| format!("{} has no tests named {}; see {}", self.directory, self.name, file!()))
    }
}

/// The level that `gradus doctor` names.
fn own_level(environment: &Environment, gradus: &Path) -> Result<String> {
    let mut doctor = Command::new(gradus);
    doctor.args(["doctor", "--json"]).env_remove(LEVEL).env("GRADUS_DATA_DIR", &environment.data_dir);
    let output = doctor.output()?;
    let found = String::from_utf8(output.stdout)?;
    level_in(&found).with_context(|| format!("`gradus doctor --json` names no instructions: {found}"))
}

/// The word before "instructions".
fn level_in(diagnoses: &str) -> Option<String> {
    let diagnoses: Value = serde_json::from_str(diagnoses).ok()?;
    let of_processor = diagnoses.as_array()?.iter().find(|diagnosis| diagnosis["what"] == "processor")?;
    let words = of_processor["found"].as_str()?.strip_suffix(" instructions")?;
    words.split(' ').next_back().map(str::to_owned)
}

fn is_below(level: &str, own: &str) -> bool {
    let place = |name: &str| LEVELS.iter().position(|level| *level == name).unwrap_or(LEVELS.len());
    place(level) < place(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_below_that_of_the_processor_are_tested() {
        let found = r#"[{"what":"memory","found":"2 GB"},{"what":"processor","found":"2 cores, avx512 instructions"}]"#;
        let own = level_in(found).unwrap();
        let below = |own: &str| LEVELS.into_iter().filter(|level| is_below(level, own)).count();
        assert_eq!((own.as_str(), below(&own)), ("avx512", 2));
        assert_eq!((below("portable"), below("amx")), (0, 4));
    }

    #[test]
    fn a_program_is_found_by_its_crate_and_name() {
        let message = |directory: &str, test: bool| {
            let name = format!("{directory}-{test}");
            serde_json::json!({
                "manifest_path": format!("/source/{directory}/Cargo.toml"),
                "target": { "name": "gradus_kernels" }, "profile": { "test": test }, "executable": name,
            })
            .to_string()
        };
        let messages =
            [message("crates/kernels", false), message("crates/x", true), message("crates/kernels", true)];
        assert_eq!(
            PROGRAMS[0].find(&Built::saying(&messages.join("\n"))).unwrap(),
            Path::new("crates/kernels-true")
        );
        assert!(PROGRAMS[0].find(&Built::saying(&messages[..2].join("\n"))).is_err());
    }
}
