//! Fetches the model that tests train and score with, the way a user would: with `gradus models pull`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::built::Built;
use crate::environment::Environment;

const NAME: &str = "smollm2-135m-instruct";

/// Builds `gradus`, has it pull the base model, and returns the model's GGUF file.
pub(crate) fn fetch(environment: &Environment) -> Result<PathBuf> {
    // In the profile and with the features that the tests use, so that little is built twice.
    let built = Built::with(environment, &["build", "--workspace", "--bin", "gradus"])?;
    let gradus = Gradus { program: built.program("gradus")?, data_dir: &environment.data_dir };
    gradus.run(&["models", "pull", NAME])?;
    let description = gradus.read(&["models", "show", NAME, "--json"])?;
    let path = model_path(&description)?;
    ensure!(path.is_file(), "`gradus models show {NAME}` names {}, which is not a file", path.display());
    Ok(path)
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
