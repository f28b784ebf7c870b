//! Fetches the model that tests train and score with, the way a user would: with `gradus models pull`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::environment::Environment;

const NAME: &str = "smollm2-135m-instruct";

/// Builds `gradus`, has it pull the base model, and returns the model's GGUF file.
pub(crate) fn fetch(environment: &Environment) -> Result<PathBuf> {
    let gradus = Gradus { program: build(environment)?, data_dir: &environment.data_dir };
    gradus.run(&["models", "pull", NAME])?;
    let description = gradus.read(&["models", "show", NAME, "--json"])?;
    let path = model_path(&description)?;
    ensure!(path.is_file(), "`gradus models show {NAME}` names {}, which is not a file", path.display());
    Ok(path)
}

/// Builds the binary in the profile and with the features that the tests use, so that little is built twice.
fn build(environment: &Environment) -> Result<PathBuf> {
    let output = Command::new(&environment.cargo)
        .args(["build", "--workspace", "--bin", "gradus"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(&environment.workspace_root)
        .stderr(Stdio::inherit())
        .output()
        .context("could not start cargo build")?;
    ensure!(output.status.success(), "gradus does not build; see above");
    executable(&String::from_utf8_lossy(&output.stdout), "gradus")
        .context("cargo built gradus without saying where it is")
}

/// Finds a built program in cargo's messages, one JSON object a line.
pub(crate) fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
}

fn model_path(description: &str) -> Result<PathBuf> {
    let description: Value = serde_json::from_str(description)
        .with_context(|| format!("`gradus models show {NAME} --json` did not print JSON"))?;
    description
        .get("path")
        .and_then(Value::as_str)
        .map(PathBuf::from)
        .with_context(|| format!("`gradus models show {NAME} --json` has no `path`: {description}"))
}

/// The built program, working in the tests' data directory.
struct Gradus<'a> {
    program: PathBuf,
    data_dir: &'a PathBuf,
}

impl Gradus<'_> {
    fn run(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).status()?;
        ensure!(status.success(), "`gradus {}` ended with {status}", arguments.join(" "));
        Ok(())
    }

    fn read(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "`gradus {}` ended with {}", arguments.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("GRADUS_DATA_DIR", self.data_dir);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_artifact_of_that_name_with_an_executable() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"gradus"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"build-script"},"executable":"target/debug/build-script"}
{"reason":"compiler-artifact","target":{"name":"gradus"},"executable":"target/debug/gradus"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "gradus"), Some(PathBuf::from("target/debug/gradus")));
        assert_eq!(executable(messages, "throughput"), None);
    }

    #[test]
    fn the_model_path_is_read_from_its_description() -> Result<()> {
        let path = model_path(r#"{"name":"x","path":"models/x.gguf"}"#)?;
        assert_eq!(path, PathBuf::from("models/x.gguf"));
        Ok(())
    }

    #[test]
    fn a_description_without_a_path_is_refused_and_shown() {
        let error = model_path(r#"{"name":"x"}"#).unwrap_err().to_string();
        assert!(error.contains(r#"{"name":"x"}"#), "{error}");
        assert!(model_path("not pulled").is_err());
    }
}
