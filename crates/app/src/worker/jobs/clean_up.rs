//! Removing what nothing needs any more: expired documents, old bookkeeping, unreferenced blobs.

use async_trait::async_trait;
use chrono::TimeDelta;
use gradus_store::{StoreError, Whose, documents, idempotency, queue, sessions, throttles};

use super::{Changes, Completion, Job, Left};
use crate::Error;
use crate::service::GRACE;
use crate::worker::Assignment;

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
                sessions::forget_ended(&tx, now - TimeDelta::days(30)).await?;
                // Who logged in from where is remembered for some months.
                throttles::forget(&tx, now - TimeDelta::days(90)).await?;
                idempotency::forget(&tx, now - TimeDelta::days(1)).await?;
                queue::forget_settled(&tx, now - TimeDelta::days(30)).await?;
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
