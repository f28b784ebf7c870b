//! A server that runs for as long as this process does, and no longer, however this process ends.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Keeps a server beside a pipe that only the process that started it can write to. When the pipe is closed,
/// which the system does even for a process that was killed, the server gets its signal. When the server has
/// ended, for whatever reason, its directory is removed.
const KEEPER: &str = r#"
signal=$1; directory=$2; shift 2
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ read -r line; kill -s "$signal" "$server"; } <&3 2>/dev/null & watch=$!
wait "$server"; status=$?
kill "$watch" 2>/dev/null
rm -rf -- "$directory"
exit "$status"
"#;

/// What a server is and how it ends.
pub(super) struct Plan<'a> {
    /// What messages call it.
    pub(super) name: &'static str,
    /// The program and its arguments.
    pub(super) command: Vec<&'a OsStr>,
    /// The signal that ends it quickly.
    pub(super) signal: &'static str,
    /// Its own directory, which is removed after it.
    pub(super) directory: PathBuf,
}

/// A running server; it ends when this is dropped.
pub(super) struct Server {
    name: &'static str,
    keeper: Child,
    /// What it prints; open, as its name goes with the server.
    log: File,
}

impl Server {
    pub(super) fn start(plan: Plan<'_>) -> Result<Self> {
        let path = plan.directory.join("log");
        let failed = || format!("cannot write {}", path.display());
        let output = File::create(&path).with_context(failed)?;
        let log = File::open(&path).with_context(failed)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", plan.signal])
            .arg(&plan.directory)
            .args(plan.command)
            .current_dir(&plan.directory)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            // What is typed to end this process, or sent to its group, is not for the server.
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {}", plan.name))?;
        Ok(Self { name: plan.name, keeper, log })
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// With the end of what the server printed, when it ended or takes too long.
    pub(super) fn wait_until(&mut self, mut is_ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.keeper.try_wait()? {
                bail!("{} ended ({status}) instead of starting:\n{}", self.name, self.last_lines()?);
            }
            if is_ready() {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                let patience = PATIENCE.as_secs();
                bail!("{} does not answer after {patience} s:\n{}", self.name, self.last_lines()?);
            }
            sleep(BETWEEN_TRIES);
        }
    }

    fn last_lines(&self) -> Result<String> {
        let mut text = String::new();
        (&self.log).read_to_string(&mut text)?;
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(20)..].join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("xtask: {} may still run: {error}", self.name);
        }
    }
}

/// A new directory that this user alone may enter, in `parent`.
pub(super) fn new_directory(parent: &Path, name: &str) -> Result<PathBuf> {
    let process = std::process::id();
    for number in 0.. {
        let path = parent.join(format!("gradus-test-{name}-{process}-{number}"));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => {
                made.with_context(|| format!("cannot make the directory {}", path.display()))?;
                return Ok(path);
            }
        }
    }
    bail!("every name for a directory in {} is taken", parent.display())
}

/// A port of this machine that nothing listens on now.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(script: &str, directory: &Path) -> Server {
        let command = ["sh", "-c", script].map(OsStr::new).to_vec();
        Server::start(Plan { name: "a server", command, signal: "TERM", directory: directory.to_owned() })
            .unwrap()
    }

    #[test]
    fn a_dropped_server_is_told_to_end_and_its_directory_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let directory = new_directory(parent.path(), "x").unwrap();
        let told = parent.path().join("told");
        let script =
            format!("trap 'touch {}; exit' TERM; touch ready; while :; do sleep 0.01; done", told.display());
        let mut server = server(&script, &directory);
        server.wait_until(|| directory.join("ready").exists()).unwrap();
        drop(server);
        assert!(told.exists());
        assert!(!directory.exists());
    }

    #[test]
    fn a_server_that_ends_at_once_is_quoted() {
        let parent = tempfile::tempdir().unwrap();
        let directory = new_directory(parent.path(), "x").unwrap();
        let mut server = server("echo the port is taken >&2; sleep 0.2; exit 3", &directory);
        let error = server.wait_until(|| false).unwrap_err().to_string();
        assert!(error.contains("the port is taken") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn two_directories_of_one_process_are_two() {
        let parent = tempfile::tempdir().unwrap();
        let directories = [(); 2].map(|()| new_directory(parent.path(), "x").unwrap());
        assert_ne!(directories[0], directories[1]);
    }
}
