//! How much one document may cost before extraction gives up on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on the size and the cost of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest sum of the unpacked entries of an archive, in bytes.
    pub max_expanded_bytes: u64,
    /// Most entries in an archive.
    pub max_archive_entries: usize,
    /// Most pages of a paged document.
    pub max_pages: u32,
    /// Deepest nesting of elements, groups or values.
    pub max_depth: usize,
    /// Longest time that one extractor may take.
    pub time_limit: Duration,
    /// Stack of the thread that an extractor runs on, in bytes. Only touched pages cost memory.
    pub stack_bytes: usize,
    /// Whether installed programs (`pdftotext`) may be started as a last resort.
    pub external_programs: bool,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            max_bytes: 64 * MIB,
            max_expanded_bytes: 256 * MIB,
            max_archive_entries: 4096,
            max_pages: 2000,
            max_depth: 200,
            time_limit: Duration::from_secs(30),
            stack_bytes: 256 << 20,
            external_programs: true,
        }
    }
}
