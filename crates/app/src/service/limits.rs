//! How much one user may have.

use gradus_domain::UserId;
use gradus_store::{Reader, documents};
use serde::{Deserialize, Serialize};

use crate::Error;

/// How much one user may have, and how large one thing may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one uploaded file.
    pub upload_bytes: u64,
    /// Documents of one user.
    pub documents_per_user: u64,
    /// Bytes of the documents of one user.
    pub bytes_per_user: u64,
    /// Training jobs of one user that wait or run.
    pub live_training_jobs_per_user: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 64 << 20,
            documents_per_user: 10_000,
            bytes_per_user: 10 << 30,
            live_training_jobs_per_user: 20,
        }
    }
}

impl Limits {
    /// Whether a user may have another document of so many bytes.
    ///
    /// # Errors
    /// [`Error::Quota`].
    pub async fn check_document(&self, reader: &Reader, user: UserId, bytes: u64) -> Result<(), Error> {
        let (count, used) = documents::usage(reader, user).await?;
        let (count, used) = (count.cast_unsigned(), used.cast_unsigned());
        if count >= self.documents_per_user {
            let most = self.documents_per_user;
            return Err(Error::Quota(format!(
                "you have {count} documents, and {most} is the most: delete some first"
            )));
        }
        if used.saturating_add(bytes) > self.bytes_per_user {
            return Err(Error::Quota(format!(
                "your documents take {} MB of {} MB, and this one has {} MB: delete some first",
                used >> 20,
                self.bytes_per_user >> 20,
                bytes.div_ceil(1 << 20)
            )));
        }
        Ok(())
    }
}
