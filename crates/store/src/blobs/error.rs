//! What can go wrong with blobs. No error carries a key of a bucket: what a server answered is cut down to its
//! code and its message.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::BlobHash;
use super::bucket::Refusal;

/// Why a blob could not be stored, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The place for blobs is described in a way that cannot be followed.
    #[error("blobs cannot be kept at {location}: {problem}")]
    Location {
        /// The place as it was given; never a key.
        location: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// There is no such blob.
    #[error("blob {hash} is missing; restore it from a backup")]
    Missing {
        /// Which one.
        hash: BlobHash,
    },
    /// The blob has other bytes than its hash says.
    #[error("blob {hash} is damaged: its content has the hash {found}; restore it from a backup")]
    Damaged {
        /// Which one.
        hash: BlobHash,
        /// The hash of what was read.
        found: BlobHash,
    },
    /// A part was asked for that the blob does not have.
    #[error("blob {hash} has {bytes} bytes, so there is no part of it from byte {start} to byte {end}")]
    OutOfRange {
        /// Which blob.
        hash: BlobHash,
        /// How long it is.
        bytes: u64,
        /// The first byte asked for.
        start: u64,
        /// The byte after the last one asked for.
        end: u64,
    },
    /// The blob needs an upload in parts, and there is nothing to note it in.
    #[error(
        "a blob of {bytes} bytes does not fit into one request to the bucket, which takes {limit}, and there \
         is no ledger for uploads in parts"
    )]
    TooLarge {
        /// The blob's length.
        bytes: u64,
        /// The longest body of one request.
        limit: u64,
    },
    /// The ledger did not take a note of an upload in parts, so it was not begun.
    #[error("the upload could not be noted, so it was not begun: {source}")]
    Ledger {
        /// The ledger's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The bucket, or the directory behind the same interface, did not do what it was asked.
    #[error("cannot {action}: {refusal}")]
    Place {
        /// What was tried.
        action: &'static str,
        /// The answer.
        refusal: Refusal,
    },
}

impl BlobError {
    /// Whether the same may succeed a little later without anybody doing anything about it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::File { source, .. } => is_transient(source),
            Self::Place { refusal, .. } => refusal.is_transient(),
            // The ledger is the database, which comes back.
            Self::Ledger { .. } => true,
            Self::Location { .. }
            | Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::OutOfRange { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// For `map_err`: what was tried on which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// For `map_err`: what was tried on the place.
    pub(super) fn objects(action: &'static str) -> impl Fn(object_store::Error) -> Self {
        move |error| Self::Place { action, refusal: Refusal::of(&error) }
    }

    /// For `map_err`: which blob was to be read.
    pub(super) fn reading(hash: BlobHash) -> impl Fn(object_store::Error) -> Self {
        move |error| match Refusal::of(&error) {
            // A missing bucket is no reason to call its blobs missing.
            refusal if refusal.is_about_the_bucket() => Self::Place { action: "read a blob", refusal },
            _ if matches!(error, object_store::Error::NotFound { .. }) => Self::Missing { hash },
            refusal => Self::Place { action: "read a blob", refusal },
        }
    }
}

/// What a person can do about it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space there",
        ErrorKind::PermissionDenied => "; give the user that runs this access to it",
        _ => "",
    }
}

/// A full disk is not: it stays full until somebody clears it.
pub(super) fn is_transient(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock | ResourceBusy | StaleNetworkFileHandle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_error(kind: ErrorKind) -> BlobError {
        BlobError::file("write", Path::new("spool/1"))(kind.into())
    }

    #[test]
    fn a_full_disk_is_named_with_what_to_do_and_is_not_retried() {
        let error = file_error(ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("cannot write spool/1: "), "{error}");
        assert!(error.to_string().ends_with("free some space there"), "{error}");
        assert!(!error.is_transient());
    }

    #[test]
    fn a_disk_that_does_not_answer_in_time_is_tried_again() {
        assert!(file_error(ErrorKind::TimedOut).is_transient());
    }

    #[test]
    fn a_damaged_blob_is_named_and_stays_damaged() {
        let (hash, found) = (BlobHash::of(b"a"), BlobHash::of(b"b"));
        let error = BlobError::Damaged { hash, found };
        assert!(error.to_string().contains(&hash.to_string()), "{error}");
        assert!(!error.is_transient());
    }

    #[test]
    fn an_upload_that_the_ledger_did_not_note_is_tried_again() {
        assert!(BlobError::Ledger { source: "the database is locked".into() }.is_transient());
    }
}
