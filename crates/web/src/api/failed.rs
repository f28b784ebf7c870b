//! Why work on a thing failed, as its owner is told it.

use gradus_app::store::Json as Stored;
use gradus_domain::failure::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{FailureCategoryWord, SeverityWord};

/// Why work on a thing failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureShown {
    /// Whose move it is.
    category: FailureCategoryWord,
    /// How bad it is.
    severity: SeverityWord,
    /// Whether trying again later may help.
    is_transient: bool,
    /// What happened and what to do.
    message: String,
}

impl From<Failure> for FailureShown {
    fn from(failure: Failure) -> Self {
        Self {
            category: FailureCategoryWord(failure.category),
            severity: SeverityWord(failure.severity),
            is_transient: failure.is_transient,
            message: failure.told().to_owned(),
        }
    }
}

/// A stored failure, where there is one.
pub(crate) fn shown(failure: Option<Stored<Failure>>) -> Option<FailureShown> {
    failure.map(|failure| failure.0.into())
}
