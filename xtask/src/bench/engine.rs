//! Runs the engine: its `throughput` example, and `gradus train` for the time to the first step.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{Figures, median};
use crate::built::Built;
use crate::environment::Environment;

pub(super) struct Engine {
    throughput: PathBuf,
    gradus: PathBuf,
    model: PathBuf,
    scratch: PathBuf,
}

/// Seconds from the start of the process.
#[derive(Debug, Serialize)]
pub(super) struct Start {
    /// Until the first step begins.
    #[serde(rename = "seconds_to_first_step")]
    pub(super) begins: f64,
    /// Until it is done.
    #[serde(rename = "seconds_to_first_step_done")]
    pub(super) done: f64,
}

impl Engine {
    /// Builds what is measured, optimised.
    pub(super) fn build(environment: &Environment, model: &Path) -> Result<Self> {
        let engine = ["--package", "gradus-engine", "--example", "throughput"];
        let gradus = ["--package", "gradus-cli", "--bin", "gradus"];
        let built = Built::with(environment, &[&["build", "--release"][..], &engine, &gradus].concat())?;
        Ok(Self {
            throughput: built.program("throughput")?,
            gradus: built.program("gradus")?,
            model: std::path::absolute(model)?,
            scratch: environment.data_dir.join("bench"),
        })
    }

    /// One run of a workload, in a process of its own.
    pub(super) fn measure(&self, arguments: &[&str]) -> Result<Figures> {
        let output = Command::new(&self.throughput)
            .arg(&self.model)
            .arg("--json")
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "`throughput {}` ended with {}", arguments.join(" "), output.status);
        last_line(&output.stdout)
    }

    /// How soon `gradus train` begins to train; medians.
    pub(super) fn start(&self, rounds: usize) -> Result<Start> {
        let starts = (0..rounds).map(|_| self.start_once()).collect::<Result<Vec<_>>>()?;
        let of = |value: fn(&Start) -> f64| median(starts.iter().map(value).collect()).unwrap_or(f64::NAN);
        Ok(Start { begins: of(|start| start.begins), done: of(|start| start.done) })
    }

    fn start_once(&self) -> Result<Start> {
        const CONVERSATION: &str = r#"{"messages":[{"role":"user","content":"What does a ribosome make?"},{"role":"assistant","content":"Proteins."}]}"#;
        _ = std::fs::remove_dir_all(&self.scratch);
        std::fs::create_dir_all(&self.scratch)?;
        let chat = self.scratch.join("chat.jsonl");
        std::fs::write(&chat, format!("{CONVERSATION}\n").repeat(8))?;
        let began = Instant::now();
        let mut child = Command::new(&self.gradus)
            .args(["--json", "train", "--epochs", "1", "--model"])
            .arg(&self.model)
            .arg("--chat")
            .arg(&chat)
            .arg("--output")
            .arg(self.scratch.join("run"))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut start = Start { begins: f64::NAN, done: f64::NAN };
        for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
            let event: serde_json::Value = serde_json::from_str(&line?).unwrap_or_default();
            match event["event"].as_str() {
                Some("started") => start.begins = began.elapsed().as_secs_f64(),
                Some("step") if start.done.is_nan() => start.done = began.elapsed().as_secs_f64(),
                _ => {}
            }
        }
        ensure!(child.wait()?.success(), "`gradus train` failed; see above");
        std::fs::remove_dir_all(&self.scratch)?;
        Ok(start)
    }
}

/// The figures on the last line of what a program printed.
pub(super) fn last_line(printed: &[u8]) -> Result<Figures> {
    let text = String::from_utf8_lossy(printed);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("expected figures in JSON, got \"{line}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_on_the_last_line() -> Result<()> {
        let figures = last_line(b"loading\n{\"tokens_per_second\": 2.5, \"peak_rss_mb\": 10}\n")?;
        assert_eq!((figures.tokens_per_second, figures.share_of_peak), (2.5, None));
        assert!(last_line(b"out of memory").is_err());
        Ok(())
    }
}
