//! Work that nobody asks for: the clean-up, once an hour however many servers there are.

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::JobKind;
use gradus_store::queue::{self, Work};
use gradus_store::{server_settings, turns};

use super::Services;
use crate::Error;

/// Under this name the servers know when the clean-up was queued last.
const LAST: &str = "clean-up";
/// How often it is.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// Whatever a person waits for comes first.
const PRIORITY: i64 = -10;

impl Services {
    /// Queues the clean-up if it is due; whether it was. To be asked every few minutes.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn queue_clean_up_if_due(&self) -> Result<bool, Error> {
        let queued = self
            .store
            .write(|tx| async move {
                turns::take(&tx, LAST).await?;
                let last = server_settings::find(&tx, LAST).await?;
                let last = last.and_then(|last| serde_json::from_value::<DateTime<Utc>>(last).ok());
                if last.is_some_and(|last| tx.now() - last < EVERY) {
                    return Ok(false);
                }
                server_settings::put(&tx, LAST, serde_json::json!(tx.now())).await?;
                let work = Work {
                    kind: JobKind::CleanUp,
                    user: None,
                    subject: None,
                    priority: PRIORITY,
                    run_at: None,
                };
                queue::enqueue(&tx, work).await?;
                Ok(true)
            })
            .await?;
        Ok(queued)
    }
}
