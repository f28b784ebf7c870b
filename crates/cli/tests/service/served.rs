//! `gradus serve` over a site, with its workers, as a process that can be sent signals and started again.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gradus_app::domain::{Id, TrainingJobId};
use gradus_app::store::{queue, workers};

use crate::machine::Server;
use crate::site::Site;

/// The longest lease there may be: what waits for its end is noticed.
pub(crate) const LEASE_SECONDS: u64 = 25;

/// A running server, killed when it is dropped.
pub(crate) struct Served {
    server: Server,
    /// Where it listens, as in `http://127.0.0.1:1234`.
    pub(crate) address: String,
}

/// A command over a site's database and data.
pub(crate) fn command(site: &Site, arguments: &str) -> Command {
    let mut command = site.place.command(arguments);
    command.env("GRADUS_DATABASE_LOCATION", site.database.address()).stdin(Stdio::null());
    command
}

impl Served {
    pub(crate) fn start(site: &Site) -> Self {
        Self::start_with(site, &[])
    }

    /// As [`Self::start`], with variables of the environment.
    pub(crate) fn start_with(site: &Site, variables: &[(&str, &str)]) -> Self {
        let path = site.place.path("server.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        let mut serve = command(site, "serve");
        serve
            .env("GRADUS_WORKERS_LEASE_SECONDS", LEASE_SECONDS.to_string())
            .envs(variables.iter().copied())
            .stderr(log);
        let server = Server::start(serve, || log_of(site));
        Self { address: server.address.clone(), server }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.server.process.0.id(), name);
    }

    /// Sends a signal to it and its workers, as a terminal does.
    pub(crate) fn signal_all(&self, name: &str) {
        let group = format!("-{}", self.server.process.0.id());
        assert!(Command::new("kill").args([name, "--", &group]).status().unwrap().success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.server.process.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end, and says how it ended and how long that took.
    pub(crate) async fn ended(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.server.process.0.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it as a supervisor of services does.
    pub(crate) async fn end(mut self, site: &Site) {
        self.signal("-TERM");
        let (status, _) = self.ended().await;
        assert!(status.success(), "{status}: {}", log_of(site));
    }
}

pub(crate) fn log_of(site: &Site) -> String {
    String::from_utf8_lossy(&site.place.read("server.log")).into_owned()
}

pub(crate) fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// The process that works on a training job.
pub(crate) async fn worker_of(site: &Site, job: TrainingJobId) -> Option<u32> {
    let reader = site.services.store.reader();
    let work = queue::of_subject(&reader, job.uuid()).await.unwrap()?;
    let worker = workers::find(&reader, work.worker_id?).await.unwrap()?;
    worker.name.rsplit_once(':')?.1.parse().ok()
}
