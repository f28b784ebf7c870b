//! Where events come from.

use async_trait::async_trait;
use gradus_app::Error;
use gradus_app::accounts::Caller;
use gradus_app::store::StoreError;
use serde_json::Value;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedEvent {
    /// Its number: greater than that of the event before it, at least 1, and the same whenever it is sent.
    pub number: u64,
    /// What kind of event it is, as clients listen for it.
    pub kind: &'static str,
    /// What it says.
    pub data: Value,
}

/// The next events of a stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// In the order of their numbers; none where nothing has happened.
    pub events: Vec<NumberedEvent>,
    /// Whether no event will ever follow these.
    pub is_last: bool,
}

/// Why a source has no more.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What the events are about is gone, or the caller may no longer see it.
    #[error("there is nothing more to see here")]
    Gone,
    /// The events could not be read; the client comes back and goes on where it was.
    #[error("the events could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Error> for SourceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(StoreError::NotFound { .. }) => Self::Gone,
            error => Self::Failed(error.into()),
        }
    }
}

/// Events of one thing, as one caller may see them.
#[async_trait]
pub trait EventSource: Send + 'static {
    /// Who watches, as they are from now on: what they may see may have changed.
    fn seen_by(&mut self, caller: &Caller);

    /// The events after `number`, at most as many as fit in memory many times over (a few hundred): they are
    /// sent before more are asked for.
    async fn after(&mut self, number: u64) -> Result<Batch, SourceError>;

    /// Returns when there may be an event after `number`. It may return too early, and is dropped and called
    /// again at will. A source that nobody wakes waits a moment here.
    async fn changed(&mut self, number: u64);
}
