//! The report as JSON: the same data as the page, with the version of the format in front.

use serde::{Deserialize, Serialize};

use crate::ReportError;
use crate::data::TestReport;

/// The version of the JSON format. It grows when a field changes its meaning or goes away, not when one
/// is added.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a> {
    format_version: u32,
    #[serde(flatten)]
    report: &'a TestReport,
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The report as indented JSON, `format_version` first. A number that is not finite becomes `null`.
pub fn to_json(report: &TestReport) -> Result<String, ReportError> {
    let versioned = Versioned { format_version: FORMAT_VERSION, report };
    Ok(serde_json::to_string_pretty(&versioned)?)
}

/// Reads what [`to_json`] wrote. Fails on another format version and on anything that is not a report.
pub fn from_json(json: &str) -> Result<TestReport, ReportError> {
    let Version { format_version } = serde_json::from_str(json)?;
    if format_version != FORMAT_VERSION {
        return Err(ReportError::FormatVersion { found: format_version, known: FORMAT_VERSION });
    }
    Ok(serde_json::from_str(json)?)
}
