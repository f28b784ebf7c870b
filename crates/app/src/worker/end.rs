//! How a job ends: done, put back for another try, handed back, stopped by a wish, given up, or lost.

use std::time::Duration;

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{QueueJobId, Wish};
use gradus_store::queue::{self, Claim, QueueJob, Settled};
use gradus_store::{StoreError, Transaction};
use tokio::time::Instant;

use super::assignment::{Assignment, StopReason};
use super::jobs::{Completion, Left, job};
use super::{journal, record};
use crate::Error;
use crate::service::Services;

/// How often the end of a job is tried to be written before it is left to whoever finds it lost.
const PATIENCE: u32 = 5;

/// Why a job is left without its result.
#[derive(Debug, Clone)]
enum Reason {
    /// Its worker is shutting down.
    Drained,
    /// It failed.
    Failed(Failure),
    /// Its worker was lost.
    Lost,
}

/// Writes the end of a job that was begun then.
pub(super) async fn conclude(assignment: &Assignment, outcome: Result<Completion, Error>, begun: Instant) {
    let job = &assignment.claim.job;
    let ended = match outcome {
        Ok(completion) => complete(assignment, completion).await,
        Err(error) => Err(error),
    };
    let Err(error) = ended else { return journal::done(job, begun.elapsed()) };
    if matches!(error, Error::Store(StoreError::LeaseLost(_))) {
        return journal::lost(job, begun.elapsed());
    }
    let reason = match assignment.stop_reason() {
        Some(StopReason::Lost) => return journal::lost(job, begun.elapsed()),
        // What was wished is on the job's row, which is looked at in any case.
        Some(_) if matches!(error, Error::Interrupted | Error::Paused) => Reason::Drained,
        _ => Reason::Failed(error.failure()),
    };
    for attempt in 1..=PATIENCE {
        match leave(&assignment.services, assignment.claim.clone(), reason.clone()).await {
            Ok(left) => return journal::left(job, &left, Some(begun.elapsed())),
            Err(StoreError::LeaseLost(_)) => return journal::lost(job, begun.elapsed()),
            Err(failure) if failure.is_transient() && attempt < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(500) * attempt).await;
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

async fn leave(services: &Services, claim: Claim, reason: Reason) -> Result<Left, StoreError> {
    services.store.write(move |tx| async move { leave_within(&tx, &claim, reason).await }).await
}

/// Writes how a job is left: in the queue, on the thing that it is about, and in the record of failures. The queue's row
/// comes first, as in every transaction of a worker: two who take rows in another order wait for each other for ever.
async fn leave_within(tx: &Transaction, claim: &Claim, reason: Reason) -> Result<Left, StoreError> {
    let row = queue::hold(tx, claim).await?;
    let kind = row.kind.0;
    let (left, failure) = how(&row, reason);
    settle(tx, claim, &left).await?;
    if let (Some(changes), Some(subject)) = (job(kind).leave(left.clone()), row.subject_id) {
        changes.0(tx.clone(), subject).await?;
    }
    if let Some(failure) = failure {
        record::failure(tx, kind, &failure, row.subject_id).await?;
    }
    Ok(left)
}

/// How a job is left, as its row is now, and the failure that is counted.
fn how(row: &QueueJob, reason: Reason) -> (Left, Option<Failure>) {
    let failure = match reason {
        Reason::Drained => None,
        Reason::Failed(failure) => Some((failure, row.attempts)),
        Reason::Lost => Some((lost(row.losses), row.losses)),
    };
    let left = match (row.wish.0, &failure) {
        (wish @ (Wish::Pause | Wish::Cancel), _) => Left::Stopped(wish),
        (Wish::GoOn, None) => Left::HandedBack,
        (Wish::GoOn, Some((failure, times))) => {
            match failure.wait_before_next(u32::try_from(*times).unwrap_or(u32::MAX), chance()) {
                Some(wait) => Left::Waiting { wait, failure: failure.clone() },
                None => Left::Failed(failure.clone()),
            }
        }
    };
    (left, failure.map(|(failure, _)| failure))
}

fn lost(losses: i64) -> Failure {
    Failure {
        category: Category::Worker,
        severity: Severity::Error,
        is_transient: true,
        message: format!(
            "the worker that had this job was lost (time {losses} of {}): it crashed, ran out of memory or lost its connection",
            Category::Worker.recovery().most_attempts
        ),
    }
}

async fn settle(tx: &Transaction, claim: &Claim, left: &Left) -> Result<(), StoreError> {
    match left.clone() {
        Left::Waiting { wait, failure } => queue::try_again(tx, claim, wait, failure).await,
        Left::Failed(failure) => queue::settle(tx, claim, Settled::Failed(failure)).await,
        Left::HandedBack => queue::hand_back(tx, claim).await,
        Left::Stopped(_) => queue::settle(tx, claim, Settled::Cancelled).await,
    }
}

/// Puts back, or gives up, the jobs of workers that were lost: each by itself, so that one that cannot be settled keeps no
/// other from it.
pub(super) async fn settle_lost(services: &Services) -> Result<(), StoreError> {
    for id in queue::lost(&services.store).await? {
        let settled = services
            .store
            .write(move |tx| async move {
                let Some(claim) = queue::take_lost(&tx, id).await? else { return Ok(None) };
                let left = leave_within(&tx, &claim, Reason::Lost).await?;
                Ok(Some((claim.job, left)))
            })
            .await;
        match settled {
            Ok(Some((job, left))) => journal::left(&job, &left, None),
            Ok(None) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(job = %id, %error, "a lost job is settled later");
            }
            Err(error) => give_up(services, id, &error).await,
        }
    }
    Ok(())
}

/// Ends a job whose end cannot be written as it should be.
async fn give_up(services: &Services, id: QueueJobId, why: &StoreError) {
    tracing::error!(job = %id, error = %why, "a lost job could not be settled and is given up");
    let failure = Failure {
        category: Category::Internal,
        severity: Severity::Error,
        is_transient: false,
        message: format!("the end of this job could not be written: {why}"),
    };
    let ended = services
        .store
        .write(move |tx| async move {
            let Some(claim) = queue::take_lost(&tx, id).await? else { return Ok(()) };
            record::failure(&tx, claim.job.kind.0, &failure, claim.job.subject_id).await?;
            queue::settle(&tx, &claim, Settled::Failed(failure)).await
        })
        .await;
    if let Err(error) = ended {
        tracing::error!(job = %id, %error, "nor could it be given up");
    }
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use gradus_domain::{JobKind, QueueJobState};
    use gradus_store::{Key, Text};

    use super::*;

    fn row(wish: Wish, attempts: i64, losses: i64) -> QueueJob {
        QueueJob {
            id: Key(QueueJobId::new()),
            kind: Text(JobKind::Train),
            user_id: None,
            subject_id: None,
            state: Text(QueueJobState::Running),
            wish: Text(wish),
            priority: 0,
            run_at: DateTime::UNIX_EPOCH,
            attempts,
            losses,
            fence: 1,
            worker_id: None,
            lease_until: None,
            failure: None,
            created_at: DateTime::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
        }
    }

    fn network() -> Failure {
        Failure {
            category: Category::Network,
            severity: Severity::Warning,
            is_transient: true,
            message: "the hub did not answer".to_owned(),
        }
    }

    #[test]
    fn what_a_person_wishes_counts_whatever_else_happened() {
        for wish in [Wish::Pause, Wish::Cancel] {
            for reason in [Reason::Drained, Reason::Lost, Reason::Failed(network())] {
                assert_eq!(how(&row(wish, 1, 3), reason).0, Left::Stopped(wish));
            }
        }
    }

    #[test]
    fn a_drained_job_is_handed_back_and_counts_as_no_failure() {
        assert_eq!(how(&row(Wish::GoOn, 1, 0), Reason::Drained), (Left::HandedBack, None));
    }

    #[test]
    fn a_job_is_given_up_with_its_last_attempt_or_its_third_loss() {
        assert!(matches!(how(&row(Wish::GoOn, 7, 0), Reason::Failed(network())).0, Left::Waiting { .. }));
        assert!(matches!(how(&row(Wish::GoOn, 8, 0), Reason::Failed(network())).0, Left::Failed(_)));
        assert!(matches!(how(&row(Wish::GoOn, 1, 2), Reason::Lost).0, Left::Waiting { .. }));
        assert!(matches!(how(&row(Wish::GoOn, 1, 3), Reason::Lost).0, Left::Failed(_)));
    }
}
