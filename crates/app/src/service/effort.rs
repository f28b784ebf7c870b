//! What work took: how long the jobs were that ended, and the processor time of this process. For monitoring.

use std::time::Duration;

use chrono::{DateTime, Utc};
use gradus_domain::{JobKind, QueueJobId, QueueJobState};
use gradus_store::queue::{self, QueueJob};

use super::Services;
use crate::Error;

/// What Linux counts processor time in, for programs: hundredths of a second on every machine.
const TICKS_A_SECOND: f64 = 100.0;

/// A piece of background work that ended after a worker had it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndedWork {
    /// Its id.
    pub id: QueueJobId,
    /// What kind of work.
    pub kind: JobKind,
    /// How it ended.
    pub state: QueueJobState,
    /// When.
    pub ended_at: DateTime<Utc>,
    /// How long its last worker had it.
    pub took: Duration,
}

impl Services {
    /// The work that ended from `since` on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ended_work(&self, since: DateTime<Utc>) -> Result<Vec<EndedWork>, Error> {
        let settled = queue::settled_since(&self.store.reader(), since).await?;
        Ok(settled.iter().filter_map(ended).collect())
    }
}

fn ended(job: &QueueJob) -> Option<EndedWork> {
    let (began, ended_at) = (job.started_at?, job.finished_at?);
    Some(EndedWork {
        id: job.id.0,
        kind: job.kind.0,
        state: job.state.0,
        ended_at,
        took: (ended_at - began).to_std().unwrap_or_default(),
    })
}

/// The processor time that this process has taken, in seconds, where the system says so.
pub fn processor_seconds() -> Option<f64> {
    ticks(&std::fs::read_to_string("/proc/self/stat").ok()?).map(|ticks| ticks / TICKS_A_SECOND)
}

/// Ticks in the program and in the system, the 14th and 15th field; the second is a name, which may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 3 4 20 0 8 0 100 1 2";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("7 (a) S"), None);
    }
}
