//! Servers with properties of their own, each a script beside this file that runs until it is told to end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use gradus_store::blobs::BucketOptions;
use serde::Deserialize;
use tempfile::TempDir;

/// What a server says about itself, in one line.
#[derive(Deserialize)]
pub(crate) struct Account {
    pub(crate) endpoint: String,
    id: String,
    secret: String,
}

/// A server with one bucket, `strict`.
pub(crate) struct ScriptedServer {
    process: Child,
    _output: BufReader<ChildStdout>,
    pub(crate) account: Account,
    /// Where the server may write, and the spool lies.
    pub(crate) directory: TempDir,
}

impl ScriptedServer {
    /// Starts a script, if there is a Python for it.
    pub(crate) fn start(script: &str) -> Option<Self> {
        let python = python()?;
        let directory = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blobs").join(script);
        let mut command = Command::new(python);
        command.arg(script).arg(directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let account = serde_json::from_str(&line).unwrap();
        Some(Self { process, _output: output, account, directory })
    }

    pub(crate) fn options(&self) -> BucketOptions {
        BucketOptions {
            endpoint: Some(self.account.endpoint.clone()),
            access_key_id: Some(self.account.id.clone()),
            secret_access_key: Some(self.account.secret.clone()),
            ..BucketOptions::new(self.directory.path().join("spool"))
        }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests learn here what they may use, and say so"
)]
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("GRADUS_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        println!("skipped: GRADUS_TEST_PYTHON does not name a Python; `cargo xtask test` makes one");
    }
    python
}
