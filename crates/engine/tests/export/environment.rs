//! What the tests need from outside; where it is missing, they say so and pass.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The GGUF file of SmolLM2-135M-Instruct.
pub(crate) fn base_model() -> Option<PathBuf> {
    variable("GRADUS_TEST_MODEL", "the GGUF file of SmolLM2-135M-Instruct")
}

/// The GGUF file of Gemma 3 270M.
pub(crate) fn gemma_model() -> Option<PathBuf> {
    variable("GRADUS_TEST_GEMMA", "the GGUF file of Gemma 3 270M")
}

/// A Python that has torch, transformers and peft.
pub(crate) fn python() -> Option<PathBuf> {
    variable("GRADUS_PEFT_PYTHON", "a Python with torch, transformers and peft")
}

/// A Python that has llama-cpp-python.
pub(crate) fn llama_cpp_python() -> Option<PathBuf> {
    variable("GRADUS_LLAMA_CPP_PYTHON", "a Python with llama-cpp-python")
}

/// What a script of `xtask/reference` answers, in JSON, to a question in JSON.
pub(crate) fn answer_of<T: DeserializeOwned>(python: &Path, script: &str, question: &Value) -> T {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/reference").join(script);
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests learn here what they may use, and say so"
)]
fn variable(name: &str, what: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    if value.is_none() {
        println!("skipped: {name} does not name {what}");
    }
    value
}
