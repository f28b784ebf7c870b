//! Building programs of this workspace, and finding what cargo built in its messages, one JSON object a line.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::environment::Environment;

/// What cargo said of what it built.
#[derive(Debug)]
pub(crate) struct Built(String);

impl Built {
    /// Runs a command of cargo's that builds, whose own messages the user sees; all programs wanted in one call: built one
    /// after the other, features would differ and most crates be built twice.
    pub(crate) fn with(environment: &Environment, arguments: &[&str]) -> Result<Self> {
        let output = environment
            .cargo()
            .args(arguments)
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit())
            .output()
            .context("could not start cargo")?;
        ensure!(output.status.success(), "`cargo {}` failed; see above", arguments.join(" "));
        Ok(Self(String::from_utf8(output.stdout)?))
    }

    /// Where a program lies; its own tests have the same name.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        self.find(|message| message["target"]["name"] == name && message["profile"]["test"] == false)
            .with_context(|| format!("cargo built no {name}"))
    }

    /// The first program of which cargo says so.
    pub(crate) fn find(&self, is_meant: impl Fn(&Value) -> bool) -> Option<PathBuf> {
        let messages = self.0.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages.filter(is_meant).find_map(|message| Some(message["executable"].as_str()?.into()))
    }

    #[cfg(test)]
    pub(crate) fn saying(messages: &str) -> Self {
        Self(messages.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_the_artifact_of_that_name_with_an_executable() {
        let built = Built::saying(
            r#"{"reason":"compiler-artifact","target":{"name":"gradus"},"profile":{"test":false},"executable":null}
{"target":{"name":"build-script"},"profile":{"test":false},"executable":"target/debug/build-script"}
{"target":{"name":"gradus"},"profile":{"test":true},"executable":"target/debug/deps/gradus-1"}
{"target":{"name":"gradus"},"profile":{"test":false},"executable":"target/debug/gradus"}"#,
        );
        assert_eq!(built.program("gradus").ok(), Some(PathBuf::from("target/debug/gradus")));
        assert_eq!(built.program("throughput").unwrap_err().to_string(), "cargo built no throughput");
    }
}
