//! Forgetting what no longer holds. The clean-up job calls it now and then; nothing relies on when.

use chrono::TimeDelta;
use gradus_store::{sessions, throttles};

use super::throttling::FAMILIAR;
use super::{AccountError, Accounts};

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Sessions that were over.
    pub sessions: u64,
    /// Counts of tries in windows that were over.
    pub tries: u64,
}

impl Accounts {
    /// Forgets sessions that are over, and counts of tries that no window holds any more.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn forget_what_is_over(&self) -> Result<Forgotten, AccountError> {
        let settings = self.settings.clone();
        self.write(move |change| async move {
            let now = change.now();
            let longest = TimeDelta::from_std(FAMILIAR).unwrap_or(TimeDelta::MAX);
            Ok(Forgotten {
                sessions: sessions::forget_ended(&change, now - settings.session_idle()).await?,
                tries: throttles::forget(&change, now - longest).await?,
            })
        })
        .await
    }
}
