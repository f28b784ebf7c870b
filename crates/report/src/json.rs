//! Reports as JSON: the same data as the page, with the version of the format in front.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ReportError;
use crate::data::{BenchmarkReport, TestReport};

/// The version of the JSON format. It grows when a field changes its meaning or goes away, not when one
/// is added.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a, R> {
    format_version: u32,
    #[serde(flatten)]
    report: &'a R,
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The report as indented JSON, `format_version` first. A number that is not finite becomes `null`.
pub fn to_json(report: &TestReport) -> Result<String, ReportError> {
    write(report)
}

/// Reads what [`to_json`] wrote. Fails on another format version and on anything that is not a report.
pub fn from_json(json: &str) -> Result<TestReport, ReportError> {
    read(json)
}

/// A benchmark's report as indented JSON, like [`to_json`].
pub fn benchmark_to_json(report: &BenchmarkReport) -> Result<String, ReportError> {
    write(report)
}

/// Reads what [`benchmark_to_json`] wrote, like [`from_json`].
pub fn benchmark_from_json(json: &str) -> Result<BenchmarkReport, ReportError> {
    read(json)
}

fn write<R: Serialize>(report: &R) -> Result<String, ReportError> {
    let versioned = Versioned { format_version: FORMAT_VERSION, report };
    Ok(serde_json::to_string_pretty(&versioned)?)
}

fn read<R: DeserializeOwned>(json: &str) -> Result<R, ReportError> {
    let Version { format_version } = serde_json::from_str(json)?;
    if format_version != FORMAT_VERSION {
        return Err(ReportError::FormatVersion { found: format_version, known: FORMAT_VERSION });
    }
    Ok(serde_json::from_str(json)?)
}
