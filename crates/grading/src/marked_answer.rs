//! One student's answer to one question with the mark that a person gave it.

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

use crate::guide::QuestionId;

/// Where a row came from, for messages and for provenance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowSource {
    /// The file's name as given.
    pub file: String,
    /// Line or row in it, from 1 (the header of a CSV is row 1).
    pub row: usize,
}

/// A marked answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkedAnswer {
    /// Who wrote it, where known.
    pub student: Option<String>,
    /// Which question it answers.
    pub question: QuestionId,
    /// What the student wrote; empty for a blank.
    pub answer: String,
    /// The mark given.
    pub mark: Marks,
    /// A second marker's mark, where there is one.
    pub second_mark: Option<Marks>,
    /// The mark as a verdict of the question's scale, where the scale is one of words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What the marker wrote back, where there is something.
    pub feedback: Option<String>,
    /// Where it came from.
    pub source: RowSource,
}
