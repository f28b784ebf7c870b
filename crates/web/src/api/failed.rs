//! Why work on a thing failed, as its owner is told it.

use gradus_app::store::Json as Stored;
use gradus_domain::failure::{Category, Failure};
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
            message: told(failure),
        }
    }
}

/// A stored failure, where there is one.
pub(crate) fn shown(failure: Option<Stored<Failure>>) -> Option<FailureShown> {
    failure.map(|failure| failure.0.into())
}

/// What is wrong with what was uploaded or asked for, its owner reads in full. What is wrong with the server has paths
/// and addresses in it: administrators read it among the error events.
fn told(failure: Failure) -> String {
    match failure.category {
        Category::Input | Category::Model => return failure.message,
        Category::Configuration => "The server is not set up for this. An administrator finds the reason among the error events.",
        Category::Resource => "The server ran short of memory or disk. Try again later, or ask an administrator.",
        Category::Network => "Another machine that this needs did not answer. Try again later.",
        Category::Storage => "The server could not store or read something. An administrator finds the reason among the error events.",
        Category::Worker => "The process that did the work was lost, more than once. Try again, or ask an administrator.",
        Category::Internal => "Something went wrong in the server. An administrator finds the reason among the error events.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use gradus_domain::Word as _;
    use gradus_domain::failure::Severity;

    use super::*;

    #[test]
    fn owners_read_what_is_wrong_with_their_own_and_nothing_of_the_machine() {
        for &category in Category::ALL {
            let failure = Failure {
                category,
                severity: Severity::Error,
                is_transient: false,
                message: "cannot write /var/lib/gradus/x".to_owned(),
            };
            let own = matches!(category, Category::Input | Category::Model);
            assert_eq!(FailureShown::from(failure).message.contains("/var"), own, "{}", category.word());
        }
    }
}
