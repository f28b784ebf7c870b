//! The workers of a server: processes that are started again when they end, and told to stop when the server does.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a worker may take to let go of its job. SIGTERM to the server has to end everything within 15 s.
const PATIENCE: Duration = Duration::from_secs(12);
/// A worker that ran for so long was well: the next start does not wait.
const WELL_AFTER: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a worker process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerKind {
    /// What takes seconds.
    Light,
    /// What takes every core.
    Heavy,
}

impl WorkerKind {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Heavy => "heavy",
        }
    }
}

/// The workers of a server.
pub(crate) struct Supervisor {
    workers: JoinSet<()>,
}

impl Supervisor {
    /// Starts so many workers of each kind, with these arguments besides, and keeps them running until `stop`.
    pub(crate) fn start(
        program: PathBuf,
        arguments: Vec<OsString>,
        counts: [(WorkerKind, usize); 2],
        stop: &CancellationToken,
    ) -> Self {
        let mut workers = JoinSet::new();
        for (kind, count) in counts {
            for _ in 0..count {
                workers.spawn(keep_running(program.clone(), arguments.clone(), kind, stop.clone()));
            }
        }
        Self { workers }
    }

    /// Returns once every worker has ended.
    pub(crate) async fn ended(mut self) {
        while self.workers.join_next().await.is_some() {}
    }
}

async fn keep_running(program: PathBuf, arguments: Vec<OsString>, kind: WorkerKind, stop: CancellationToken) {
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        let started = Instant::now();
        match spawn(&program, &arguments, kind) {
            Ok(child) => run(child, kind, &stop).await,
            Err(error) => tracing::error!(%error, kind = kind.name(), "a worker could not be started"),
        }
        if started.elapsed() >= WELL_AFTER {
            wait = FIRST_WAIT;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            () = stop.cancelled() => {}
        }
    }
}

fn spawn(program: &PathBuf, arguments: &[OsString], kind: WorkerKind) -> std::io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .args(["worker", "--supervised", "--only", kind.name()])
        // Its end tells the worker that the server is gone, however it went.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Waits for the end of a worker, and brings it about when the server stops.
async fn run(mut child: Child, kind: WorkerKind, stop: &CancellationToken) {
    tokio::select! {
        ended = child.wait() => {
            let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            if !stop.is_cancelled() {
                tracing::warn!(kind = kind.name(), how, "a worker ended; starting another");
            }
            return;
        }
        () = stop.cancelled() => {}
    }
    drop(child.stdin.take());
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        tracing::warn!(kind = kind.name(), "a worker did not let go of its job in time and is ended");
        _ = child.kill().await;
    }
}
