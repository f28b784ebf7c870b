//! Workers: they take work from the queue, do it, and write what came of it, or leave it as it was.
//!
//! A worker may die at any moment. Whatever it writes is written in transactions that first make sure that the job is
//! still its own ([`gradus_store::queue::hold`]), and a job's result and its end are one transaction, so that work is
//! done once however often it was begun.

mod assignment;
mod attempts;
mod end;
mod heartbeat;
mod jobs;
mod journal;
mod record;
mod room;

use std::sync::Arc;
use std::time::Duration;

use gradus_domain::{JobKind, Weight, Word};
use gradus_engine::memory;
use gradus_store::queue::{self, Claimant};
use gradus_store::workers::{self, Worker as WorkerRow, WorkerFigures};
use gradus_store::{Json, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use assignment::Assignment;
pub use room::Limits;

use crate::service::Services;
use crate::service::operations::Room;
use jobs::job;
use room::Gate;

/// How long a worker may be silent before its job is given to another, where nobody said.
pub const USUAL_LEASE: Duration = Duration::from_secs(15);
/// How often in a lease a worker shows that it is alive, and looks for jobs that others lost.
const BEATS_A_LEASE: u32 = 5;
/// How long a worker waits for news of the queue before it looks by itself: work may have become due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many jobs of one user, of the kinds that a worker does, run at a time over all workers.
const MOST_PER_USER: i64 = 4;
/// How often what lost attempts left on this machine is looked for.
const TIDIED_EVERY: Duration = Duration::from_secs(3600);

/// What a worker takes.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The machine and the process, for people.
    pub name: String,
    /// Its id, where whoever started it has to know it; must be new.
    pub id: Uuid,
    /// How much of the machine the work may take.
    pub weights: Vec<Weight>,
    /// How long it may be silent before its job is given to another.
    pub lease: Duration,
    /// The program that reads documents in a process of its own: `gradus` itself.
    pub program: std::path::PathBuf,
    /// What the machine must have left before another job begins.
    pub limits: Limits,
}

/// A worker: one job at a time.
pub struct Worker {
    services: Services,
    options: WorkerOptions,
    kinds: Vec<JobKind>,
    room: Arc<dyn Fn() -> Room + Send + Sync>,
}

impl Worker {
    /// A worker over the services.
    pub fn new(services: Services, options: WorkerOptions) -> Self {
        let does = |kind: &JobKind| options.weights.contains(&kind.weight());
        let kinds = JobKind::ALL.iter().copied().filter(does).collect();
        let measured = services.clone();
        Self { services, options, kinds, room: Arc::new(move || measured.room()) }
    }

    /// Has the room on the machine told by `room`, not measured.
    #[must_use]
    pub fn with_room(mut self, room: impl Fn() -> Room + Send + Sync + 'static) -> Self {
        self.room = Arc::new(room);
        self
    }

    /// Works until `drain` says to stop; then the present job is stopped where it can go on, and handed back.
    ///
    /// # Errors
    /// When the database is not of this version any more, or damaged. What is transient is waited out.
    pub async fn run(self, drain: CancellationToken) -> Result<(), StoreError> {
        let mut news = self.services.store.news().await?;
        let mut next_heartbeat = tokio::time::Instant::now();
        let mut next_tidying = next_heartbeat;
        let mut gate = Gate::new(self.options.limits);
        while !drain.is_cancelled() {
            let admitted = gate.admitted(&self.kinds, &(self.room)());
            if tokio::time::Instant::now() >= next_heartbeat {
                next_heartbeat = tokio::time::Instant::now() + self.options.lease / BEATS_A_LEASE;
                patient(self.show(gate.held_back.clone(), &drain).await)?;
                patient(end::settle_lost(&self.services).await)?;
            }
            if tokio::time::Instant::now() >= next_tidying {
                next_tidying = tokio::time::Instant::now() + TIDIED_EVERY;
                if let Err(error) = attempts::remove_lost(&self.services).await {
                    tracing::warn!(%error, "what lost attempts left could not be removed");
                }
            }
            let claimed = self.claim(admitted).await;
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

    async fn claim(&self, kinds: Vec<JobKind>) -> Result<Option<queue::Claim>, StoreError> {
        if !queue::is_due(&self.services.store, &kinds).await? {
            return Ok(None);
        }
        let claimant = Claimant {
            worker: self.options.id,
            kinds,
            lease: self.options.lease,
            most_per_user: MOST_PER_USER,
        };
        self.services.store.write(move |tx| async move { queue::claim(&tx, &claimant).await }).await
    }

    /// Does one job to its end, whatever the end is.
    async fn work(&self, claim: queue::Claim, drain: &CancellationToken) {
        let (services, program) = (self.services.clone(), self.options.program.clone());
        let (assignment, pulse) = Assignment::begin(services, program, claim, drain.clone());
        let beating = tokio::spawn(heartbeat::beat(pulse, self.row(1, None, drain)));
        let begun = tokio::time::Instant::now();
        journal::begun(&assignment.claim.job);
        let outcome = job(assignment.claim.job.kind.0).run(&assignment).await;
        end::conclude(&assignment, outcome, begun).await;
        beating.abort();
        assignment.clear();
    }

    async fn show(&self, held_back: Option<String>, drain: &CancellationToken) -> Result<(), StoreError> {
        let row = self.row(0, held_back, drain);
        self.services
            .store
            .write(move |tx| async move { workers::show(&tx, row(tx.now(), None)).await })
            .await
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let id = self.options.id;
        let forget = move |tx: gradus_store::Transaction| async move {
            workers::forget(&tx, id, tx.now() - chrono::TimeDelta::hours(1)).await
        };
        self.services.store.write(forget).await
    }

    fn row(
        &self,
        jobs: u32,
        held_back: Option<String>,
        drain: &CancellationToken,
    ) -> impl Fn(chrono::DateTime<chrono::Utc>, Option<f64>) -> WorkerRow + Send + Sync + use<> {
        let (id, name, drain) = (self.options.id, self.options.name.clone(), drain.clone());
        move |now, tokens_per_second| WorkerRow {
            id,
            name: name.clone(),
            figures: Json(WorkerFigures {
                jobs,
                memory_bytes: memory::held_bytes().unwrap_or(0),
                tokens_per_second,
                held_back: held_back.clone(),
            }),
            is_draining: drain.is_cancelled(),
            started_at: now,
            seen_at: now,
        }
    }
}

/// Returns once a worker that has shown itself does not do so any more for as long as `silence`. Only differences of what
/// it wrote count, no clock of another machine.
pub async fn falls_silent(services: &Services, worker: Uuid, silence: Duration) {
    let (mut last, mut since) = (None, tokio::time::Instant::now());
    loop {
        tokio::time::sleep(silence / 4).await;
        let Ok(found) = workers::find(&services.store.reader(), worker).await else {
            // The database is away; that is not the worker's silence.
            since = tokio::time::Instant::now();
            continue;
        };
        let seen = found.map(|worker| worker.seen_at);
        if seen != last || seen.is_none() {
            (last, since) = (seen, tokio::time::Instant::now());
        } else if since.elapsed() > silence {
            return;
        }
    }
}

/// Says that a worker process is certainly gone, as whoever started it knows: its job is another's at once, and need
/// not wait for the end of its lease.
///
/// # Errors
/// When the database cannot. Then the lease runs out.
pub async fn is_gone(services: &Services, worker: Uuid) -> Result<(), StoreError> {
    let end = move |tx: gradus_store::Transaction| async move {
        workers::forget(&tx, worker, tx.now() - chrono::TimeDelta::hours(1)).await?;
        queue::end_leases(&tx, worker).await
    };
    if services.store.write(end).await? > 0 {
        end::settle_lost(services).await?;
    }
    Ok(())
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
