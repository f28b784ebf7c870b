//! Kinds of failures that were seen, for administrators.

use gradus_domain::{ErrorEventId, UserId};
use gradus_store::error_events::{self, ErrorEvent};
use gradus_store::{Page, PageRequest};

use super::Services;
use crate::Error;

impl Services {
    /// A page of the failures, all or only those that nobody has dealt with. Whoever asks is an administrator.
    pub async fn error_events(
        &self,
        only_open: bool,
        request: &PageRequest,
    ) -> Result<Page<ErrorEvent>, Error> {
        Ok(error_events::page(&self.store.reader(), only_open, request).await?)
    }

    /// Says that a failure is dealt with. Whoever says so is an administrator.
    ///
    /// # Errors
    /// When it is not there, or was dealt with before.
    pub async fn resolve_error_event(&self, id: ErrorEventId, by: UserId) -> Result<(), Error> {
        self.store.write(move |tx| async move { error_events::resolve(&tx, id, by).await }).await?;
        Ok(())
    }
}
