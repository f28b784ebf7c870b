//! Removing what nothing needs any more: expired documents, old bookkeeping, unreferenced blobs.

use async_trait::async_trait;
use chrono::TimeDelta;
use gradus_store::{StoreError, Whose, documents, error_events, idempotency, queue};

use super::{Changes, Completion, Job, Left};
use crate::Error;
use crate::accounts::forget_what_is_over;
use crate::service::GRACE;
use crate::worker::Assignment;

/// How long a request is done once under its idempotency key.
const KEYS_KEPT: TimeDelta = TimeDelta::days(1);
/// How long work that is over is remembered.
const SETTLED_WORK_KEPT: TimeDelta = TimeDelta::days(30);
/// How long failures are remembered that somebody dealt with.
const RESOLVED_ERRORS_KEPT: TimeDelta = TimeDelta::days(90);
/// How long failures are remembered that are not seen any more.
const UNSEEN_ERRORS_KEPT: TimeDelta = TimeDelta::days(365);
/// How many expired documents are deleted at a time.
const EXPIRED_AT_ONCE: u64 = 100;

pub(super) struct CleanUp;

#[async_trait]
impl Job for CleanUp {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        delete_expired(assignment).await?;
        assignment
            .write(|tx| async move {
                let now = tx.now();
                forget_what_is_over(&tx).await?;
                idempotency::forget(&tx, now - KEYS_KEPT).await?;
                queue::forget_settled(&tx, now - SETTLED_WORK_KEPT).await?;
                error_events::forget(&tx, now - RESOLVED_ERRORS_KEPT, now - UNSEEN_ERRORS_KEPT).await?;
                Ok(())
            })
            .await?;
        assignment.services.archive.sweep(GRACE, &assignment.stop_question()).await?;
        Ok(Completion::nothing())
    }

    fn leave(&self, _left: Left) -> Option<Changes> {
        None
    }
}

/// Deletes expired documents, each by itself: what is needed by something else stays for another day.
async fn delete_expired(assignment: &Assignment) -> Result<(), Error> {
    let now = assignment.write(|tx| async move { Ok(tx.now()) }).await?;
    let reader = assignment.services.store.reader();
    for document in documents::expired(&reader, now, EXPIRED_AT_ONCE).await? {
        let id = document.id.0;
        match assignment
            .write(move |tx| async move { documents::delete(&tx, Whose::Anyones, id).await })
            .await
        {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(StoreError::InUse { .. }) => {
                let later = now + TimeDelta::days(1);
                assignment
                    .write(move |tx| async move { documents::keep_until(&tx, id, later).await })
                    .await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
