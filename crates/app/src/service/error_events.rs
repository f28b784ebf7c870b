//! Kinds of failures that were seen, for administrators.

use gradus_domain::failure::Failure;
use gradus_domain::{ErrorEventId, UserId};
use gradus_store::error_events::{self, ErrorEvent};
use gradus_store::{Page, PageRequest};

use super::Services;
use crate::Error;
use crate::failures::fingerprint;

impl Services {
    /// Counts a failure that befell no job, at a place in the program.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn record_failure(&self, place: &str, failure: Failure) -> Result<(), Error> {
        let place = place.to_owned();
        self.store
            .write(move |tx| async move {
                error_events::record(&tx, &fingerprint(&place, &failure), &place, &failure, None).await
            })
            .await?;
        Ok(())
    }

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
