//! Workers: they take work from the queue, do it, and write what came of it, or leave it as it was.
//!
//! A worker may die at any moment. Whatever it writes is written in transactions that first make sure that the job is
//! still its own ([`gradus_store::queue::hold`]), and a job's result and its end are one transaction, so that work is
//! done once however often it was begun.

mod assignment;
mod end;
mod heartbeat;
mod jobs;
mod record;

use std::sync::Arc;
use std::time::Duration;

use gradus_domain::{Clock, JobKind, SystemClock, Weight, Word};
use gradus_store::queue::{self, Claimant};
use gradus_store::workers::{self, Worker as WorkerRow, WorkerFigures};
use gradus_store::{Json, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use assignment::Assignment;

use crate::service::Services;
use jobs::{Job, job};

/// How long a worker may be silent before its job is given to another.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// How often a worker shows that it is alive, and looks for jobs that others lost.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a worker waits for news of the queue before it looks by itself: work may have become due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many jobs of one user run at a time, over all workers.
const MOST_PER_USER: i64 = 4;

/// What a worker takes.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The machine and the process, for people.
    pub name: String,
    /// How much of the machine the work may take.
    pub weights: Vec<Weight>,
    /// The program that reads documents in a process of its own: `gradus` itself.
    pub program: std::path::PathBuf,
}

/// A worker: one job at a time.
pub struct Worker {
    services: Services,
    options: WorkerOptions,
    kinds: Vec<JobKind>,
    id: Uuid,
}

impl Worker {
    /// A worker over the services.
    pub fn new(services: Services, options: WorkerOptions) -> Self {
        let does = |kind: &JobKind| options.weights.contains(&kind.weight());
        let kinds = JobKind::ALL.iter().copied().filter(does).collect();
        Self { services, options, kinds, id: Uuid::now_v7() }
    }

    /// Works until `drain` says to stop; then the present job is stopped where it can go on, and handed back.
    ///
    /// # Errors
    /// When the database is not of this version any more, or damaged. What is transient is waited out.
    pub async fn run(self, drain: CancellationToken) -> Result<(), StoreError> {
        let mut news = self.services.store.news().await?;
        let mut next_heartbeat = tokio::time::Instant::now();
        while !drain.is_cancelled() {
            if tokio::time::Instant::now() >= next_heartbeat {
                next_heartbeat = tokio::time::Instant::now() + HEARTBEAT;
                patient(self.show(0, false).await)?;
                patient(end::settle_lost(&self.services).await)?;
            }
            let claimed = self.claim().await;
            if let Some(claim) = patient(claimed)?.flatten() {
                self.work(claim, &drain).await;
                continue;
            }
            tokio::select! {
                () = news.wait(LOOK_AGAIN) => {}
                () = drain.cancelled() => {}
            }
        }
        patient(self.leave().await)?;
        Ok(())
    }

    async fn claim(&self) -> Result<Option<queue::Claim>, StoreError> {
        // Machines' clocks differ by little, and what is due a moment later is found a moment later.
        if !queue::is_due(&self.services.store.reader(), &self.kinds, SystemClock.now() + LOOK_AGAIN).await? {
            return Ok(None);
        }
        let claimant = Claimant {
            worker: self.id,
            kinds: self.kinds.clone(),
            lease: LEASE,
            most_per_user: MOST_PER_USER,
        };
        self.services.store.write(move |tx| async move { queue::claim(&tx, &claimant).await }).await
    }

    /// Does one job to its end, whatever the end is.
    async fn work(&self, claim: queue::Claim, drain: &CancellationToken) {
        let (services, program) = (self.services.clone(), self.options.program.clone());
        let (assignment, pulse) = Assignment::begin(services, program, claim, drain.clone());
        let beating = tokio::spawn(heartbeat::beat(pulse, self.row(1, false)));
        let job: Arc<dyn Job> = job(assignment.claim.job.kind.0);
        let outcome = job.run(&assignment).await;
        end::conclude(&*job, &assignment, outcome).await;
        beating.abort();
        assignment.clear();
    }

    async fn show(&self, jobs: u32, is_draining: bool) -> Result<(), StoreError> {
        let row = self.row(jobs, is_draining);
        self.services.store.write(move |tx| async move { workers::show(&tx, row(tx.now())).await }).await
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let id = self.id;
        let forget = move |tx: gradus_store::Transaction| async move {
            workers::forget(&tx, id, tx.now() - chrono::TimeDelta::hours(1)).await
        };
        self.services.store.write(forget).await
    }

    fn row(
        &self,
        jobs: u32,
        is_draining: bool,
    ) -> impl Fn(chrono::DateTime<chrono::Utc>) -> WorkerRow + Send + Sync + 'static {
        let (id, name) = (self.id, self.options.name.clone());
        move |now| WorkerRow {
            id,
            name: name.clone(),
            figures: Json(WorkerFigures { jobs, ..WorkerFigures::default() }),
            is_draining,
            started_at: now,
            seen_at: now,
        }
    }
}

/// What may pass is waited out: the next look tries again.
fn patient<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "the queue cannot be reached; trying again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
