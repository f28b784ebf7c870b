//! Where the numbers come from: documents, findings in the data, and how to get the same result again.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Information,
    /// May bend the results.
    Warning,
    /// Some data could not be used.
    Error,
}

/// Something odd or wrong in the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFinding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, where (file, row) and what to do, for a person.
    pub message: String,
}

/// What was read from one held-out document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRead {
    /// The file's name as given.
    pub file: String,
    /// Its format as detected (`DOCX`).
    pub format: String,
    /// How many answers were found in it.
    pub answers_found: usize,
    /// What could not be read, in sentences; empty where all went well.
    pub problems: Vec<String>,
}

/// A name with a value, shown as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    /// What it is.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A file that went into the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChecksum {
    /// The file's name as given.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
}

/// How to get the same result again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reproduction {
    /// Command lines, in order.
    pub commands: Vec<String>,
    /// Seeds by what they decide.
    pub seeds: Vec<NamedValue>,
    /// Hashes by what they are of.
    pub hashes: Vec<NamedValue>,
    /// The files that went in.
    pub files: Vec<FileChecksum>,
}
