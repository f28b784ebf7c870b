//! Changes that hold only for a thing as its sender knows it: it is looked at in the transaction that changes it, so that
//! of two who know the same, one changes it. What "as they know it" means, whoever asks says.

use gradus_store::StoreError;

/// What a thing has to be like for a change to be made.
pub struct Precondition<T>(Option<Box<dyn FnOnce(T) -> bool + Send>>);

impl<T> Precondition<T> {
    /// Whatever it is like.
    pub fn none() -> Self {
        Self(None)
    }

    /// As `is_known` says.
    pub fn new(is_known: impl FnOnce(T) -> bool + Send + 'static) -> Self {
        Self(Some(Box::new(is_known)))
    }

    /// Whether there is one at all: the thing need not be looked up and locked otherwise.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// Makes sure that the thing is so. To be called where nothing else can change it until the transaction ends.
    pub(crate) fn check(self, noun: &'static str, thing: T) -> Result<(), StoreError> {
        let is_known = self.0.is_none_or(|is_known| is_known(thing));
        if is_known { Ok(()) } else { Err(StoreError::Stale { noun }) }
    }
}
