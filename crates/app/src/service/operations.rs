//! How the server is doing as a whole: whether it can work, what waits, who works, what the machine has left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::{TrainingJobState, Word};
use gradus_engine::memory;
use gradus_store::queue::{self, InState};
use gradus_store::training_jobs;
use gradus_store::workers::{self, Worker};
use gradus_store::{Connections, StoreError, Whose};

use super::Services;
use crate::Error;

/// How long a worker may be silent before it is not counted any more.
const SILENCE: TimeDelta = TimeDelta::seconds(15);
/// How long anything that is asked whether it works may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What of the server can be asked whether it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The database: it answers, and has the shape that this version needs.
    Database,
    /// The blob store: its directory or bucket answers.
    BlobStore,
    /// The disk: there is room on it.
    Disk,
}

/// Whether a part works.
#[derive(Debug)]
pub struct PartCheck {
    /// Which part.
    pub part: Part,
    /// Why it does not; for the log.
    pub fault: Option<String>,
}

/// What waits and what runs, and who does it.
#[derive(Debug, Clone)]
pub struct QueueOverview {
    /// Jobs by kind and state.
    pub jobs: Vec<InState>,
    /// The workers that showed themselves lately.
    pub workers: Vec<Worker>,
}

/// Figures of the server, for monitoring.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What waits and what runs, and who does it.
    pub queue: QueueOverview,
    /// Training jobs that are not over, by state.
    pub training_jobs: Vec<(TrainingJobState, usize)>,
    /// Connections to the database.
    pub connections: Connections,
    /// Bytes of memory that this process holds, where the system says so.
    pub held_memory_bytes: Option<u64>,
    /// What this machine has left.
    pub room: Room,
}

/// What a machine has left, as far as the system says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Bytes that are free on the disk of the data.
    pub free_disk_bytes: Option<u64>,
    /// Bytes of memory that programs may still take.
    pub available_memory_bytes: Option<u64>,
    /// Processes that want a core, for each core there is, over the last minute.
    pub load_per_core: Option<f64>,
}

impl Services {
    /// Asks every part whether it works. `least_free_disk_bytes` is what the disk must have left.
    pub async fn check_parts(&self, least_free_disk_bytes: u64) -> [PartCheck; 3] {
        let database = patient(PATIENCE, async { Ok(self.store.check().await?) });
        let blobs = patient(PATIENCE, async { Ok(self.archive.blobs().check().await?) });
        let (database, blobs) = tokio::join!(database, blobs);
        let disk = self.free_disk_bytes().filter(|&free| free < least_free_disk_bytes);
        let disk =
            disk.map(|free| format!("{free} bytes are free of the {least_free_disk_bytes} that are needed"));
        [
            PartCheck { part: Part::Database, fault: database },
            PartCheck { part: Part::BlobStore, fault: blobs },
            PartCheck { part: Part::Disk, fault: disk },
        ]
    }

    /// What waits and what runs, and who does it, as of `now`.
    pub async fn queue_overview(&self, now: DateTime<Utc>) -> Result<QueueOverview, Error> {
        let reader = self.store.reader();
        Ok(QueueOverview {
            jobs: queue::states(&reader).await?,
            workers: workers::alive(&reader, now - SILENCE).await?,
        })
    }

    /// The server's figures as of `now`.
    pub async fn figures(&self, now: DateTime<Utc>) -> Result<Figures, Error> {
        let live: Result<_, StoreError> = training_jobs::live(&self.store.reader(), Whose::Anyones).await;
        let live = live?;
        let counted = TrainingJobState::ALL.iter().filter(|state| !gradus_domain::State::is_final(**state));
        let of_state = |state: TrainingJobState| live.iter().filter(|job| job.state.0 == state).count();
        Ok(Figures {
            queue: self.queue_overview(now).await?,
            training_jobs: counted.map(|&state| (state, of_state(state))).collect(),
            connections: self.store.connections(),
            held_memory_bytes: memory::held_bytes(),
            room: self.room(),
        })
    }

    /// What this machine has left.
    pub fn room(&self) -> Room {
        Room {
            free_disk_bytes: self.free_disk_bytes(),
            available_memory_bytes: memory::available_bytes(),
            load_per_core: load_per_core(),
        }
    }

    /// The bytes that are free on the disk of the data, where the system says so.
    fn free_disk_bytes(&self) -> Option<u64> {
        // The directory is made when it is first needed; its parent lies on the same disk as a rule.
        let existing = self.work_directory.ancestors().find(|directory| directory.exists())?;
        free_bytes(existing)
    }
}

/// As Linux tells it.
fn load_per_core() -> Option<f64> {
    let loads = std::fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = loads.split_whitespace().next()?.parse().ok()?;
    Some(load / std::thread::available_parallelism().ok()?.get() as f64)
}

#[cfg(unix)]
fn free_bytes(directory: &std::path::Path) -> Option<u64> {
    let system = rustix::fs::statvfs(directory).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &std::path::Path) -> Option<u64> {
    None
}

/// The fault, if there is one; no answer in time is one too.
async fn patient(within: Duration, asked: impl Future<Output = Result<(), Error>>) -> Option<String> {
    match tokio::time::timeout(within, asked).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", within.as_secs_f64())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_disk_has_some_room() {
        assert!(free_bytes(std::path::Path::new("/")).is_some());
        assert_eq!(free_bytes(std::path::Path::new("/no/such/place")), None);
    }

    #[tokio::test]
    async fn what_does_not_answer_is_a_fault() {
        assert_eq!(patient(PATIENCE, async { Ok(()) }).await, None);
        let fault = patient(PATIENCE, async { Err(Error::Request("broken".to_owned())) }).await;
        assert_eq!(fault.as_deref(), Some("broken"));
        let fault = patient(Duration::from_millis(10), std::future::pending()).await;
        assert_eq!(fault.as_deref(), Some("no answer within 0.01 s"));
    }
}
