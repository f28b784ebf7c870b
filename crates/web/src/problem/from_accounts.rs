//! Failures of the accounts as callers are told them. Their words are made for the person who asked; what is the
//! server's own fault goes to the log alone.

use gradus_app::accounts::{AccountError, Category as Kind, QuotaExceeded};

use super::{Category, Problem, sentence};

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let category = match error.category() {
            Kind::Invalid => Category::Invalid,
            Kind::Unauthenticated => Category::Unauthenticated,
            Kind::Forbidden => Category::Forbidden,
            Kind::NotFound => Category::NotFound,
            Kind::Conflict => Category::Conflict,
            Kind::Quota => Category::Forbidden,
            Kind::Throttled => Category::Throttled,
            Kind::Busy => Category::Unavailable,
            Kind::Internal => Category::Internal,
        };
        let wait = error.wait();
        let problem = match error {
            // The database speaks of itself as for everybody else.
            AccountError::Store(failure) => return failure.into(),
            error if category == Category::Internal => return Self::internal(&error),
            error => {
                Self::new(category, sentence(&error.to_string())).with_code(error.code().replace('-', "_"))
            }
        };
        match wait {
            Some(wait) => problem.with_retry_after(wait.as_secs().max(1)),
            None => problem,
        }
    }
}

/// 403 and not 429: asking again never helps, only deleting something or waiting for work of one's own to end, and
/// client libraries repeat a 429 by themselves.
impl From<QuotaExceeded> for Problem {
    fn from(exceeded: QuotaExceeded) -> Self {
        Self::new(Category::Forbidden, sentence(&exceeded.to_string()))
            .with_code(exceeded.code().replace('-', "_"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_person_can_mend_is_said_with_a_code_of_its_own() {
        let problem = Problem::from(AccountError::PasswordTooShort { characters: 14 });
        assert_eq!((problem.category(), problem.code()), (Category::Invalid, "password_too_short"));
        assert!(problem.detail().starts_with("The password has 14 characters"), "{}", problem.detail());
        let problem = Problem::from(AccountError::Quota(QuotaExceeded::Documents(3)));
        assert_eq!((problem.category(), problem.code()), (Category::Forbidden, "quota_documents"));
    }

    #[test]
    fn a_wait_is_told_in_seconds_and_never_as_none() {
        let problem = Problem::from(AccountError::Throttled { wait: Duration::from_secs(90) });
        assert_eq!((problem.category(), problem.retry_after_s), (Category::Throttled, Some(90)));
        let problem = Problem::from(AccountError::Busy { wait: Duration::ZERO });
        assert_eq!((problem.category(), problem.retry_after_s), (Category::Unavailable, Some(1)));
    }

    #[test]
    fn the_servers_own_fault_is_not_told() {
        let error = AccountError::Server { action: "hash", reason: "secret of the allocator".to_owned() };
        let problem = Problem::from(error);
        assert_eq!(problem.category(), Category::Internal);
        assert_eq!(problem.detail(), Category::Internal.general_detail());
        assert!(problem.failure().unwrap().message.contains("allocator"), "administrators read it");
    }
}
