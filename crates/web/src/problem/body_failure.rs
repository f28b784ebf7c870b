//! Why a request body could not be read, found in the layers of errors that readers of bodies wrap it in.

use std::error::Error;

use http_body_util::LengthLimitError;

use super::{Category, Problem};

/// The body stood still, or took too long as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct BodyTimeout;

/// What kept a body from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFailure {
    /// It is longer than allowed.
    TooLarge,
    /// It came too slowly.
    TooSlow,
    /// It ended early, or is not written as a body must be.
    Broken,
}

impl BodyFailure {
    /// Looks for the cause in `error` and what it was caused by.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                return Self::TooLarge;
            }
            if error.is::<BodyTimeout>() {
                return Self::TooSlow;
            }
            cause = error.source();
        }
        Self::Broken
    }
}

impl From<BodyFailure> for Problem {
    fn from(failure: BodyFailure) -> Self {
        match failure {
            BodyFailure::TooLarge => Self::general(Category::TooLarge),
            BodyFailure::TooSlow => Self::general(Category::Timeout),
            BodyFailure::Broken => {
                Self::new(Category::Malformed, "The body ended early or is not written as it should be.")
                    .with_code("broken_body")
            }
        }
    }
}
