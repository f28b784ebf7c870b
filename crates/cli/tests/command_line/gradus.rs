//! Runs the command in a directory of its own, without a network.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A directory with nothing of the user's in it, to run the command in.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The command with its arguments, separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradus"));
        command.args(arguments.split_whitespace());
        self.prepare(&mut command);
        command
    }

    /// Gives a command this place, no network, and a data directory of its own.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.0.path())
            .env("GRADUS_DATA_DIR", self.path("data"))
            .env_remove("GRADUS_MODELS_DIR")
            .env("HF_ENDPOINT", "http://127.0.0.1:1")
            .env("PIP_NO_INDEX", "1")
            .env_remove("PIP_FIND_LINKS")
            // A panic that said nothing else would say this.
            .env("RUST_BACKTRACE", "1");
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(arguments, self.command(arguments).output().unwrap())
    }

    /// As [`Self::run`], where it has to succeed.
    pub(crate) fn succeed(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    }

    /// Runs what has to be refused with a message that contains all of `expected`, and has to leave every
    /// file as it was. Returns the message.
    pub(crate) fn refuse(&self, arguments: &str, expected: &[&str]) -> String {
        let before = self.files();
        let ran = self.run(arguments);
        ran.assert_refused(expected);
        assert_eq!(self.files(), before, "{ran:?} left something behind");
        ran.stderr
    }

    /// Every file with its content, in order; locks aside, which hold nothing.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.0.path(), &mut files);
        files.retain(|(path, _)| path.extension() != Some(OsStr::new("lock")));
        files.sort();
        files
    }
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let content = std::fs::read(&path).unwrap();
            files.push((path, content));
        }
    }
}

/// What a run of the command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) arguments: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(arguments: &str, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Self {
            arguments: arguments.to_owned(),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        for sign in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!ran.stderr.contains(sign), "a panic: {ran:?}");
        }
        ran
    }

    pub(crate) fn assert_refused(&self, expected: &[&str]) {
        assert!(matches!(self.code, Some(1 | 2)), "{self:?}");
        assert_eq!(self.stdout, "", "{}", self.arguments);
        for part in expected {
            assert!(self.stderr.contains(part), "\"{part}\" is missing in: {self:?}");
        }
        // A cause that is told twice reads like a fault of the program.
        let told = self.stderr.split("error: ").last().unwrap_or_default();
        let parts: Vec<&str> = told.trim().split(": ").collect();
        let repeated = parts.windows(2).any(|pair| pair[0] == pair[1]);
        assert!(!repeated, "told twice: {}", self.stderr);
    }

    /// Standard output as JSON, one value a line.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => unreachable!("{}: {error}: {line}", self.arguments),
        };
        self.stdout.lines().map(parse).collect()
    }
}
