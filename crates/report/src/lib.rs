//! Typed report data to one self-contained HTML page and to JSON. Measures nothing and reads no clock
//! or file: the caller hands over every number. The page needs no script and makes no request.
//!
//! **Invariant:** every string that came from a document, a person or a file reaches the page through
//! a template's escaping or through [`charts`]' own; only those two write markup.

mod advice;
mod charts;
pub mod data;
mod intervals;
mod json;
mod numbers;
mod page;
mod shown;
mod verdict;

pub use data::{BenchmarkReport, TestReport};
pub use json::{FORMAT_VERSION, benchmark_from_json, benchmark_to_json, from_json, to_json};
pub use page::{render_benchmark_html, render_html};

/// Why a report could not be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page could not be put together.
    #[error("the report page could not be written: {0}")]
    Page(#[from] askama::Error),
    /// The data is not the JSON of a report.
    #[error("the report's JSON could not be written or read: {0}")]
    Json(#[from] serde_json::Error),
    /// The file was written by another version of Gradus.
    #[error(
        "the report's JSON has format version {found}, and this Gradus reads version {known}: \
         open it with the version of Gradus that is named in its `gradus_version`"
    )]
    FormatVersion {
        /// The version in the file.
        found: u32,
        /// The version that this build reads and writes.
        known: u32,
    },
}
