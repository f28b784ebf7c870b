//! The workers of a server: processes that are started again when they end, and told to stop when the server does.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use gradus_app::service::Services;
use gradus_app::worker;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

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
    /// Starts so many workers of each kind, with these arguments besides, and keeps them running until `stop`. One that
    /// does not show itself for as long as `silence` is ended and replaced.
    pub(crate) fn start(
        services: &Services,
        (program, arguments): (PathBuf, Vec<OsString>),
        counts: [(WorkerKind, usize); 2],
        (silence, stop): (Duration, &CancellationToken),
    ) -> Self {
        let mut workers = JoinSet::new();
        for (kind, count) in counts {
            for _ in 0..count {
                let place = Place {
                    services: services.clone(),
                    program: program.clone(),
                    arguments: arguments.clone(),
                    kind,
                    silence,
                    stop: stop.clone(),
                };
                workers.spawn(place.keep_running());
            }
        }
        Self { workers }
    }

    /// Returns once every worker has ended.
    pub(crate) async fn ended(mut self) {
        while self.workers.join_next().await.is_some() {}
    }
}

/// Where one worker after the other runs.
struct Place {
    services: Services,
    program: PathBuf,
    arguments: Vec<OsString>,
    kind: WorkerKind,
    silence: Duration,
    stop: CancellationToken,
}

impl Place {
    async fn keep_running(self) {
        let mut wait = FIRST_WAIT;
        while !self.stop.is_cancelled() {
            let (started, id) = (Instant::now(), Uuid::now_v7());
            match self.spawn(id) {
                Ok(child) => {
                    self.run(child, id).await;
                    self.settle(id).await;
                }
                Err(error) => {
                    tracing::error!(%error, kind = self.kind.name(), "a worker could not be started")
                }
            }
            if started.elapsed() >= WELL_AFTER {
                wait = FIRST_WAIT;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn spawn(&self, id: Uuid) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .args(["worker", "--only", self.kind.name(), "--supervised-as", &id.to_string()])
            // Its end tells the worker that the server is gone, however it went.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    /// Waits for the end of a worker, and brings it about when the server stops or the worker falls silent.
    async fn run(&self, mut child: Child, id: Uuid) {
        let kind = self.kind.name();
        // Kept here: waiting for a child closes its input first, and that tells this one to end.
        let input = child.stdin.take();
        let silent = worker::falls_silent(&self.services, id, self.silence);
        tokio::select! {
            ended = child.wait() => {
                let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                if !self.stop.is_cancelled() {
                    tracing::warn!(kind, how, "a worker ended; starting another");
                }
                return;
            }
            () = silent => {
                // One that the system stopped in the middle of a change keeps others from the database.
                tracing::warn!(kind, "a worker says nothing any more and is ended");
                _ = child.kill().await;
                return;
            }
            () = self.stop.cancelled() => {}
        }
        drop(input);
        if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
            tracing::warn!(kind, "a worker did not let go of its job in time and is ended");
            _ = child.kill().await;
        }
    }

    /// A process that has ended holds nothing.
    async fn settle(&self, id: Uuid) {
        if let Err(error) = worker::is_gone(&self.services, id).await {
            tracing::warn!(%error, "the job of a worker that ended waits for the end of its lease");
        }
    }
}
