//! Removing what nothing needs any more: expired documents, old bookkeeping, unreferenced blobs, files of lost attempts.

use async_trait::async_trait;
use chrono::TimeDelta;
use gradus_domain::QueueJobState;
use gradus_store::{Whose, documents, idempotency, queue, sessions, throttles};

use super::{Changes, Completion, Job, Left};
use crate::Error;
use crate::service::{GRACE, Services};
use crate::worker::Assignment;

/// How many expired documents are deleted at a time.
const EXPIRED_AT_ONCE: u64 = 100;

pub(super) struct CleanUp;

#[async_trait]
impl Job for CleanUp {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        assignment
            .write(|tx| async move {
                for document in documents::expired(&tx, EXPIRED_AT_ONCE).await? {
                    // What is needed by something else stays until that is gone.
                    match documents::delete(&tx, Whose::Anyones, document.id.0).await {
                        Ok(()) | Err(gradus_store::StoreError::InUse { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                let now = tx.now();
                sessions::forget_ended(&tx, now - TimeDelta::days(30)).await?;
                throttles::forget(&tx, now - TimeDelta::days(1)).await?;
                idempotency::forget(&tx, now - TimeDelta::days(1)).await?;
                queue::forget_settled(&tx, now - TimeDelta::days(30)).await?;
                Ok(())
            })
            .await?;
        assignment.services.archive.sweep(GRACE).await?;
        remove_lost_attempts(&assignment.services).await?;
        Ok(Completion::nothing())
    }

    fn leave(&self, _left: Left) -> Option<Changes> {
        None
    }
}

/// Directories of attempts that no worker is at any more.
async fn remove_lost_attempts(services: &Services) -> Result<(), Error> {
    let directory = &services.work_directory;
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file("list", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::file("list", directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((id, fence)) = name.rsplit_once('-') else { continue };
        let (Ok(id), Ok(fence)) = (id.parse(), fence.parse::<i64>()) else { continue };
        let is_live = match queue::get(&services.store.reader(), id).await {
            Ok(job) => job.state.0 == QueueJobState::Running && job.fence == fence,
            Err(gradus_store::StoreError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_live {
            std::fs::remove_dir_all(entry.path()).map_err(Error::file("remove", &entry.path()))?;
        }
    }
    Ok(())
}
