//! How much one user may have. Other services ask here, in the transaction that adds something.

use gradus_domain::UserId;
use gradus_store::{StoreError, Transaction, Whose, documents, training_jobs};
use serde::Deserialize;

use super::turns::{self, Turn};
use super::{AccountError, Accounts};

/// How much one user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Documents.
    pub documents: u64,
    /// Bytes of all documents together.
    pub document_bytes: u64,
    /// Training jobs that wait or run.
    pub running_jobs: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { documents: 10_000, document_bytes: 20 << 30, running_jobs: 10 }
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
}

impl QuotaExceeded {
    /// A word that never changes, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Documents(_) => "quota-documents",
            Self::DocumentBytes { .. } => "quota-document-bytes",
            Self::RunningJobs(_) => "quota-running-jobs",
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

    /// Whether one more job fits.
    ///
    /// # Errors
    /// When it does not.
    pub fn admit_job(&self, usage: &Usage) -> Result<(), QuotaExceeded> {
        if usage.running_jobs >= self.running_jobs {
            return Err(QuotaExceeded::RunningJobs(usage.running_jobs));
        }
        Ok(())
    }
}

impl Accounts {
    /// The quotas.
    pub fn quotas(&self) -> Quotas {
        self.settings.quotas
    }

    /// How much a user has, read within a change that adds to it. Whoever else adds to the same user's things waits, so
    /// that what fits once does not go in twice.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn usage(transaction: &Transaction, user: UserId) -> Result<Usage, StoreError> {
        turns::take(transaction, Turn::Quota(user)).await?;
        let (documents, bytes) = documents::usage(transaction, user).await?;
        let jobs = training_jobs::live(transaction, Whose::Of(user)).await?.len();
        Ok(Usage {
            documents: documents.unsigned_abs(),
            document_bytes: bytes.unsigned_abs(),
            running_jobs: jobs as u64,
        })
    }

    /// Makes sure that a user may add a document, in the transaction that adds it.
    ///
    /// # Errors
    /// When the user may not.
    pub async fn check_document_quota(
        &self,
        transaction: &Transaction,
        user: UserId,
        bytes: u64,
    ) -> Result<(), AccountError> {
        let usage = Self::usage(transaction, user).await?;
        Ok(self.settings.quotas.admit_document(&usage, bytes)?)
    }

    /// Makes sure that a user may add a job, in the transaction that adds it.
    ///
    /// # Errors
    /// When the user may not.
    pub async fn check_job_quota(&self, transaction: &Transaction, user: UserId) -> Result<(), AccountError> {
        let usage = Self::usage(transaction, user).await?;
        Ok(self.settings.quotas.admit_job(&usage)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_just_fits_is_admitted_and_one_more_is_not() {
        let quotas = Quotas { documents: 2, document_bytes: 100, running_jobs: 1 };
        let usage =
            |documents, document_bytes, running_jobs| Usage { documents, document_bytes, running_jobs };
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
    }
}
