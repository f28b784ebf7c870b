//! What a pull tells whoever is watching.

use std::fmt;

/// What is being done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes arrive over the network.
    Downloading,
    /// Bytes are copied from a disk.
    Copying,
    /// The model is taken out of a package.
    Unpacking,
    /// The checksum is computed.
    Verifying,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Downloading => "downloading",
            Self::Copying => "copying",
            Self::Unpacking => "unpacking",
            Self::Verifying => "verifying",
        })
    }
}

/// Follows a pull. Called several times a second at most by slow stages, more often by fast ones.
pub trait Progress {
    /// Bytes done in a stage of one file; the total where it is known. The counts start over with
    /// each stage.
    fn report(&mut self, stage: Stage, done_bytes: u64, total_bytes: Option<u64>);

    /// A source is tried next, in words for people.
    fn trying(&mut self, _source: &str) {}

    /// It did not work; the next one is tried.
    fn failed(&mut self, _source: &str, _reason: &str) {}
}

/// For callers that do not watch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&mut self, _stage: Stage, _done_bytes: u64, _total_bytes: Option<u64>) {}
}
