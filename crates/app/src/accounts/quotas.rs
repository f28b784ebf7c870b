//! How much one user may have. Other services ask here, in the transaction that adds something.

use gradus_domain::UserId;
use gradus_store::{
    StoreError, Transaction, Whose, datasets, documents, model_tests, models, queue, reports, training_jobs,
};
use serde::{Deserialize, Serialize};

use super::Accounts;
use super::turns::{self, Turn};

/// How much one user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Documents.
    pub documents: u64,
    /// Bytes of all documents together.
    pub document_bytes: u64,
    /// Training jobs that wait or run.
    pub running_jobs: u64,
    /// Work of any kind that waits or runs: reading, building, training, testing, reporting.
    pub queued_work: u64,
    /// Bytes of all models and checkpoints together. Whoever has as much trains nothing more.
    pub model_bytes: u64,
    /// Datasets, versions of them, model tests and reports, together.
    pub things: u64,
    /// API tokens that are not revoked.
    pub api_tokens: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            documents: 10_000,
            document_bytes: 20 << 30,
            running_jobs: 10,
            queued_work: 1_000,
            model_bytes: 200 << 30,
            things: 20_000,
            api_tokens: 500,
        }
    }
}

/// How much a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Documents.
    pub documents: u64,
    /// Bytes of all documents together.
    pub document_bytes: u64,
    /// Training jobs that wait or run.
    pub running_jobs: u64,
    /// Work of any kind that waits or runs.
    pub queued_work: u64,
    /// Bytes of all models and checkpoints together.
    pub model_bytes: u64,
}

/// What a user has as much of as one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuotaExceeded {
    /// Documents.
    #[error("you have {0} documents, as many as one may have here; delete some that you no longer need")]
    Documents(u64),
    /// Bytes.
    #[error(
        "the file has {file} bytes and you have {left} left of {most}; delete documents that you no longer need"
    )]
    DocumentBytes {
        /// The file's.
        file: u64,
        /// How many it could have.
        left: u64,
        /// How many all files may have.
        most: u64,
    },
    /// Jobs.
    #[error(
        "{0} of your training jobs wait or run, as many as one may have here; wait for one, or cancel one"
    )]
    RunningJobs(u64),
    /// Work.
    #[error("{0} pieces of your work wait or run, as many as one may have here; wait until some are done")]
    QueuedWork(u64),
    /// Bytes of models.
    #[error(
        "your models and checkpoints have {has} bytes of the {most} that one may have here; delete models or training jobs \
         that you no longer need"
    )]
    ModelBytes {
        /// How many they have.
        has: u64,
        /// How many they may have.
        most: u64,
    },
    /// Datasets and so on.
    #[error(
        "you have {0} datasets, versions, model tests and reports, as many as one may have here; delete some that you no \
         longer need"
    )]
    Things(u64),
    /// API tokens.
    #[error("you have {0} API tokens, as many as one may have here; revoke some that you no longer need")]
    ApiTokens(u64),
}

impl QuotaExceeded {
    /// A word that never changes, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Documents(_) => "quota-documents",
            Self::DocumentBytes { .. } => "quota-document-bytes",
            Self::RunningJobs(_) => "quota-running-jobs",
            Self::QueuedWork(_) => "quota-queued-work",
            Self::ModelBytes { .. } => "quota-model-bytes",
            Self::Things(_) => "quota-things",
            Self::ApiTokens(_) => "quota-api-tokens",
        }
    }
}

impl Quotas {
    /// Whether one more document of so many bytes fits.
    ///
    /// # Errors
    /// What does not fit.
    pub fn admit_document(&self, usage: &Usage, bytes: u64) -> Result<(), QuotaExceeded> {
        if usage.documents >= self.documents {
            return Err(QuotaExceeded::Documents(usage.documents));
        }
        let left = self.document_bytes.saturating_sub(usage.document_bytes);
        if bytes > left {
            return Err(QuotaExceeded::DocumentBytes { file: bytes, left, most: self.document_bytes });
        }
        Ok(())
    }

    /// Whether one more training job fits, with the work that it is and the model that it makes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn admit_job(&self, usage: &Usage) -> Result<(), QuotaExceeded> {
        if usage.running_jobs >= self.running_jobs {
            return Err(QuotaExceeded::RunningJobs(usage.running_jobs));
        }
        if usage.model_bytes >= self.model_bytes {
            return Err(QuotaExceeded::ModelBytes { has: usage.model_bytes, most: self.model_bytes });
        }
        self.admit_work(usage)
    }

    /// Whether one more piece of work fits.
    ///
    /// # Errors
    /// When it does not.
    pub fn admit_work(&self, usage: &Usage) -> Result<(), QuotaExceeded> {
        if usage.queued_work >= self.queued_work {
            return Err(QuotaExceeded::QueuedWork(usage.queued_work));
        }
        Ok(())
    }

    /// Whether one more dataset, version, model test or report fits beside so many.
    ///
    /// # Errors
    /// When it does not.
    pub fn admit_thing(&self, things: u64) -> Result<(), QuotaExceeded> {
        if things >= self.things { Err(QuotaExceeded::Things(things)) } else { Ok(()) }
    }

    /// Whether one more API token fits beside so many.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn admit_api_token(&self, tokens: u64) -> Result<(), QuotaExceeded> {
        if tokens >= self.api_tokens { Err(QuotaExceeded::ApiTokens(tokens)) } else { Ok(()) }
    }
}

impl Accounts {
    /// How much a user has, read within a change that adds to it. Whoever else adds to the same user's things waits, so
    /// that what fits once does not go in twice.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn usage(transaction: &Transaction, user: UserId) -> Result<Usage, StoreError> {
        turns::take(transaction, Turn::Quota(user)).await?;
        let (documents, bytes) = documents::usage(transaction, user).await?;
        let jobs = training_jobs::live(transaction, Whose::Of(user)).await?.len();
        let of_models = models::bytes(transaction, user).await?;
        let of_checkpoints = training_jobs::checkpoints::bytes(transaction, user).await?;
        Ok(Usage {
            documents: documents.unsigned_abs(),
            document_bytes: bytes.unsigned_abs(),
            running_jobs: jobs as u64,
            queued_work: queue::live(transaction, user).await?,
            model_bytes: of_models.saturating_add(of_checkpoints),
        })
    }

    /// How many datasets, versions of them, model tests and reports a user has, read as [`Accounts::usage`].
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn things(transaction: &Transaction, user: UserId) -> Result<u64, StoreError> {
        turns::take(transaction, Turn::Quota(user)).await?;
        let of_datasets = datasets::count(transaction, user).await?;
        let of_versions = datasets::versions::count(transaction, user).await?;
        let of_tests = model_tests::count(transaction, user).await?;
        let of_reports = reports::count(transaction, user).await?;
        Ok(of_datasets + of_versions + of_tests + of_reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_just_fits_is_admitted_and_one_more_is_not() {
        let quotas = Quotas {
            documents: 2,
            document_bytes: 100,
            running_jobs: 1,
            queued_work: 3,
            model_bytes: 50,
            things: 4,
            api_tokens: 5,
        };
        let usage = |documents, document_bytes, running_jobs| Usage {
            documents,
            document_bytes,
            running_jobs,
            ..Usage::default()
        };
        assert_eq!(quotas.admit_document(&usage(1, 40, 0), 60), Ok(()));
        let exceeded = quotas.admit_document(&usage(1, 40, 0), 61).unwrap_err();
        assert_eq!(exceeded, QuotaExceeded::DocumentBytes { file: 61, left: 60, most: 100 });
        // More than is allowed, after the quota was lowered.
        assert!(
            quotas.admit_document(&usage(1, 140, 0), 1).unwrap_err().to_string().contains("you have 0 left")
        );
        assert_eq!(quotas.admit_document(&usage(2, 0, 0), 0), Err(QuotaExceeded::Documents(2)));
        assert_eq!(
            (quotas.admit_job(&usage(0, 0, 0)).is_ok(), quotas.admit_job(&usage(0, 0, 1)).is_ok()),
            (true, false)
        );
        let waiting = |queued_work| Usage { queued_work, ..Usage::default() };
        assert_eq!(quotas.admit_work(&waiting(2)), Ok(()));
        assert_eq!(quotas.admit_work(&waiting(3)), Err(QuotaExceeded::QueuedWork(3)));
        assert_eq!(quotas.admit_job(&waiting(3)), Err(QuotaExceeded::QueuedWork(3)));
        let stored = |model_bytes| Usage { model_bytes, ..Usage::default() };
        assert_eq!(quotas.admit_job(&stored(49)), Ok(()));
        assert_eq!(quotas.admit_job(&stored(50)), Err(QuotaExceeded::ModelBytes { has: 50, most: 50 }));
        assert_eq!((quotas.admit_thing(3), quotas.admit_thing(4)), (Ok(()), Err(QuotaExceeded::Things(4))));
        assert_eq!(quotas.admit_api_token(4), Ok(()));
        assert_eq!(quotas.admit_api_token(5), Err(QuotaExceeded::ApiTokens(5)));
    }
}
