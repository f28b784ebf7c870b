//! Failures of the services, the database and the blob store as callers are told them. What a person can mend is
//! said in the service's own words; everything else goes to the log alone.

use std::io::ErrorKind;

use gradus_app::Error;
use gradus_app::models::ModelsError;
use gradus_app::store::blobs::BlobError;
use gradus_app::store::{StoreError, idempotency};
use gradus_domain::failure::Category as FailureCategory;

use super::{Category, FieldProblem, Problem, full_message, sentence};

/// When the machine is short of something: work of others has to end first.
const BUSY_RETRY_S: u64 = 5;
/// When the database did not answer: it is back within moments, as a rule.
const DATABASE_RETRY_S: u64 = 1;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let said = sentence(&error.to_string());
        match error {
            Error::Store(error) => error.into(),
            Error::Blobs(error) => error.into(),
            Error::Quota(exceeded) => exceeded.into(),
            Error::Invalid { problems } => problems.into_iter().fold(
                Self::new(Category::Invalid, "The request is not valid: see `errors` for each field."),
                |problem, field| {
                    problem.with_field(FieldProblem::new(format!("body.{}", field.field), field.message))
                },
            ),
            Error::Conversations(found) => found.problems.iter().fold(
                Self::new(
                    Category::Invalid,
                    "The conversations cannot be learnt from: see `errors` for each line.",
                ),
                |problem, fault| problem.with_field(FieldProblem::new("body.file", fault.to_string())),
            ),
            Error::Request(_)
            | Error::Import(_)
            | Error::Dataset(_)
            | Error::Preflight { .. }
            | Error::Prompts { .. }
            | Error::NothingToTest { .. }
            | Error::Chat(_) => Self::new(Category::Invalid, said),
            Error::Models(error) => error.into(),
            Error::Busy(_) => {
                Self::new(Category::Unavailable, said).with_code("busy").with_retry_after(BUSY_RETRY_S)
            }
            error if error.is_transient() => later(&error, BUSY_RETRY_S),
            error => Self::failed(error.category(), &error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let said = sentence(&error.to_string());
        match error {
            StoreError::NotFound { .. } => Self::new(Category::NotFound, said),
            StoreError::AlreadyThere { .. } => Self::new(Category::Conflict, said).with_code("already_there"),
            StoreError::InUse { .. } => Self::new(Category::Conflict, said).with_code("in_use"),
            StoreError::NotNow(_) => Self::new(Category::Conflict, said).with_code("not_now"),
            StoreError::Changed { .. } => Self::new(Category::Conflict, said).with_code("changed"),
            StoreError::Stale { .. } => Self::new(Category::PreconditionFailed, said),
            StoreError::Overtaken => Self::new(Category::Conflict, said)
                .with_code("idempotency_key_unfinished")
                .with_retry_after(idempotency::HELD.num_seconds().unsigned_abs()),
            error if error.is_out_of_space() => disk_full(&error),
            error if error.is_transient() => {
                later(&error, DATABASE_RETRY_S).with_code("database_unavailable")
            }
            error => Self::failed(FailureCategory::Storage, &error),
        }
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match &error {
            BlobError::File { source, .. } if is_full(source.kind()) => disk_full(&error),
            error if error.is_transient() => later(error, BUSY_RETRY_S).with_code("storage_unavailable"),
            error => Self::failed(FailureCategory::Storage, error),
        }
    }
}

impl From<ModelsError> for Problem {
    fn from(error: ModelsError) -> Self {
        let said = sentence(&error.to_string());
        match error {
            ModelsError::Unknown { .. } => Self::new(Category::Invalid, said).with_code("unknown_base_model"),
            ModelsError::NotInstalled { .. } => {
                Self::new(Category::Conflict, said).with_code("model_not_installed")
            }
            ModelsError::TermsNotAccepted { .. } => {
                Self::new(Category::Conflict, said).with_code("terms_not_accepted")
            }
            error if error.is_transient() => later(&error, BUSY_RETRY_S),
            error => Self::failed(FailureCategory::Configuration, &error),
        }
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn disk_full(error: &(dyn std::error::Error + 'static)) -> Problem {
    let message = full_message(error);
    tracing::error!(error = %message, "the disk is full");
    Problem::new(Category::Unavailable, "The server's disk is full. Try again later.")
        .with_code("disk_full")
        .with_failure(FailureCategory::Resource, message)
}

/// What will pass by itself is no fault to be looked into, but worth a line in the log.
fn later(error: &(dyn std::error::Error + 'static), seconds: u64) -> Problem {
    tracing::warn!(error = %full_message(error), "a request has to be tried again later");
    Problem::general(Category::Unavailable).with_retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use gradus_app::domain::{State as _, TrainingJobState, TrainingJobStep};

    use super::*;

    #[test]
    fn what_is_not_there_and_what_cannot_be_done_now_have_their_kinds_and_codes() {
        let missing = Problem::from(StoreError::NotFound { noun: "document", id: "7".to_owned() });
        assert_eq!((missing.category(), missing.detail()), (Category::NotFound, "There is no document 7."));
        let refused = TrainingJobState::Completed.step(TrainingJobStep::Cancel).unwrap_err();
        let refused = Problem::from(Error::Store(refused.into()));
        assert_eq!((refused.category(), refused.code()), (Category::Conflict, "not_now"));
        let used = Problem::from(StoreError::InUse { noun: "document", used_by: "a dataset" });
        assert_eq!((used.category(), used.code()), (Category::Conflict, "in_use"));
        let changed = Problem::from(StoreError::Changed { noun: "report" });
        assert_eq!((changed.category(), changed.code()), (Category::Conflict, "changed"));
    }

    #[test]
    fn every_wrong_field_is_named_in_the_body() {
        let problem = Problem::from(Error::invalid("settings.epochs", "must be above 0"));
        assert_eq!(problem.category(), Category::Invalid);
        assert_eq!(problem.fields(), [FieldProblem::new("body.settings.epochs", "must be above 0")]);
    }

    #[test]
    fn damage_is_not_told_and_a_full_disk_is() {
        let damaged = Problem::from(StoreError::Damaged("table user at /var/lib".to_owned()));
        assert_eq!(damaged.category(), Category::Internal);
        assert_eq!(damaged.detail(), Category::Internal.general_detail());
        assert!(damaged.failure().unwrap().message.contains("/var/lib"), "administrators read it");
        let full = BlobError::File {
            action: "write",
            path: "/var/lib/gradus".into(),
            source: ErrorKind::StorageFull.into(),
        };
        let full = Problem::from(Error::Blobs(full));
        assert_eq!((full.category(), full.code()), (Category::Unavailable, "disk_full"));
        assert!(!full.detail().contains("/var"), "{}", full.detail());
    }

    #[test]
    fn a_machine_that_is_busy_says_so_and_when_to_come_back() {
        let busy = Problem::from(Error::Busy("another file is being read; wait".to_owned()));
        assert_eq!((busy.category(), busy.retry_after_s), (Category::Unavailable, Some(BUSY_RETRY_S)));
        assert_eq!(busy.detail(), "Another file is being read; wait.");
    }
}
