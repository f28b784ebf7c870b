//! How long background work took, by kind and outcome. Workers are other processes: what ended is read from the queue,
//! and counted once by each server that was running then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use gradus_app::service::effort::EndedWork;
use gradus_domain::{QueueJobId, Word as _};

use crate::metrics::{Family, Histogram, Registry};

/// From reading a short document to training over a weekend.
const BOUNDS_S: &[f64] = &[0.5, 2.0, 10.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 28800.0, 86400.0];
/// A transaction that ends a job is as old as its beginning, and may be seen that much later.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);

pub(super) struct JobDurations {
    histograms: Arc<Family<Histogram>>,
    counted: Mutex<Counted>,
}

/// What was counted already.
struct Counted {
    /// Nothing before.
    from: DateTime<Utc>,
    /// What ended since, less the overlap.
    jobs: BTreeMap<QueueJobId, DateTime<Utc>>,
}

impl JobDurations {
    pub(super) fn register(registry: &Registry, now: DateTime<Utc>) -> Self {
        let histograms = registry.histograms(
            "gradus_job_duration_seconds",
            "How long the last worker of a job had it, of the jobs that ended since this server started.",
            &["kind", "outcome"],
            BOUNDS_S,
        );
        Self { histograms, counted: Mutex::new(Counted { from: now, jobs: BTreeMap::new() }) }
    }

    /// From when on what ended may not be counted yet.
    pub(super) fn since(&self) -> DateTime<Utc> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).from
    }

    /// Counts what ended as of `now`, of which some may be counted.
    pub(super) fn count(&self, ended: Vec<EndedWork>, now: DateTime<Utc>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for work in ended {
            if counted.jobs.insert(work.id, work.ended_at).is_none() {
                let labels = [work.kind.word(), work.state.word()];
                self.histograms.with(&labels).observe(work.took.as_secs_f64());
            }
        }
        counted.from = counted.from.max(now - OVERLAP);
        let from = counted.from;
        counted.jobs.retain(|_, ended_at| *ended_at >= from);
    }
}
