//! How a job ends: done, put back for another try, handed back, stopped by a wish, given up, or lost.

use std::time::Duration;

use gradus_domain::Wish;
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_store::queue::{self, Claim, Settled};
use gradus_store::{StoreError, Transaction};

use super::assignment::{Assignment, StopReason};
use super::jobs::{Completion, Job, Left, job};
use super::record;
use crate::Error;
use crate::service::Services;

/// How long the end of a job is tried to be written before it is left to whoever finds it lost.
const PATIENCE: u32 = 5;

/// Writes the end of a job.
pub(super) async fn conclude(job: &dyn Job, assignment: &Assignment, outcome: Result<Completion, Error>) {
    let ended = match outcome {
        Ok(completion) => complete(assignment, completion).await,
        Err(error) => Err(error),
    };
    let Err(error) = ended else { return };
    if matches!(error, Error::Store(StoreError::LeaseLost(_))) {
        return;
    }
    for attempt in 1..=PATIENCE {
        let written = break_off(job, assignment, &error).await;
        match written {
            Ok(()) | Err(StoreError::LeaseLost(_)) => return,
            Err(failure) if failure.is_transient() && attempt < PATIENCE => {
                tokio::time::sleep(Duration::from_secs(1) * attempt).await;
            }
            Err(failure) => {
                // Its lease runs out, and whoever finds it decides.
                tracing::error!(job = %assignment.claim.id(), error = %failure, "the end of a job could not be written");
                return;
            }
        }
    }
}

/// The result and the end of the job, in one transaction.
async fn complete(assignment: &Assignment, completion: Completion) -> Result<(), Error> {
    let claim = assignment.claim.clone();
    assignment
        .write(move |tx| async move {
            completion.0(tx.clone()).await?;
            queue::settle(&tx, &claim, Settled::Done).await
        })
        .await?;
    Ok(())
}

async fn break_off(job: &dyn Job, assignment: &Assignment, error: &Error) -> Result<(), StoreError> {
    let interrupted = matches!(error, Error::Interrupted | Error::Paused);
    let left = match assignment.stop_reason() {
        Some(StopReason::Lost) => return Err(StoreError::LeaseLost(assignment.claim.id())),
        Some(StopReason::Wished(wish)) => Left::Stopped(wish),
        Some(StopReason::Drained) if interrupted => Left::HandedBack,
        _ => after_failure(&assignment.claim, error.failure()),
    };
    leave(job, &assignment.services, &assignment.claim, left).await
}

/// Whether the work is begun again, and when.
fn after_failure(claim: &Claim, failure: Failure) -> Left {
    let attempts = u32::try_from(claim.job.attempts).unwrap_or(u32::MAX);
    match failure.wait_before_next(attempts, chance()) {
        Some(wait) => Left::Waiting { wait, failure },
        None => Left::Failed(failure),
    }
}

/// Writes how a job is left: on the thing that it is about, in the queue, and in the record of failures.
async fn leave(job: &dyn Job, services: &Services, claim: &Claim, left: Left) -> Result<(), StoreError> {
    let changes = job.leave(left.clone());
    let (claim, kind) = (claim.clone(), claim.job.kind.0);
    services
        .store
        .write(move |tx| async move {
            if let (Some(changes), Some(subject)) = (changes, claim.job.subject_id) {
                changes.0(tx.clone(), subject).await?;
            }
            settle(&tx, &claim, &left).await?;
            if let Left::Waiting { failure, .. } | Left::Failed(failure) = &left {
                record::failure(&tx, kind, failure, claim.job.subject_id).await?;
            }
            Ok(())
        })
        .await
}

async fn settle(tx: &Transaction, claim: &Claim, left: &Left) -> Result<(), StoreError> {
    match left.clone() {
        Left::Waiting { wait, failure } => queue::try_again(tx, claim, wait, failure).await,
        Left::Failed(failure) => queue::settle(tx, claim, Settled::Failed(failure)).await,
        Left::Stopped(Wish::GoOn) | Left::HandedBack => queue::hand_back(tx, claim).await,
        Left::Stopped(Wish::Pause | Wish::Cancel) => queue::settle(tx, claim, Settled::Cancelled).await,
    }
}

/// Puts back, or gives up, the jobs of workers that were lost.
pub(super) async fn settle_lost(services: &Services) -> Result<(), StoreError> {
    services
        .store
        .write(|tx| async move {
            for claim in queue::take_lost(&tx).await? {
                settle_one_lost(&tx, &claim).await?;
            }
            Ok(())
        })
        .await
}

async fn settle_one_lost(tx: &Transaction, claim: &Claim) -> Result<(), StoreError> {
    let failure = Failure {
        category: Category::Worker,
        severity: Severity::Error,
        is_transient: true,
        message: format!(
            "the worker that had this job was lost (time {} of {}): it crashed, ran out of memory or lost its connection",
            claim.job.losses,
            Category::Worker.recovery().most_attempts
        ),
    };
    let losses = u32::try_from(claim.job.losses).unwrap_or(u32::MAX);
    let left = match (claim.job.wish.0, failure.wait_before_next(losses, chance())) {
        (wish @ (Wish::Pause | Wish::Cancel), _) => Left::Stopped(wish),
        (Wish::GoOn, Some(wait)) => Left::Waiting { wait, failure: failure.clone() },
        (Wish::GoOn, None) => Left::Failed(failure.clone()),
    };
    let job = job(claim.job.kind.0);
    if let (Some(changes), Some(subject)) = (job.leave(left.clone()), claim.job.subject_id) {
        changes.0(tx.clone(), subject).await?;
    }
    settle(tx, claim, &left).await?;
    record::failure(tx, claim.job.kind.0, &failure, claim.job.subject_id).await
}

/// A number in 0..1 that differs from process to process.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without chance every wait is of medium length.
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
