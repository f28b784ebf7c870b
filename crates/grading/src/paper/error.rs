//! Why a student's paper cannot be split into answers.

use crate::guide::QuestionId;

/// Why a student's paper cannot be split into answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// There is no text.
    #[error(
        "the paper has no text. If it is a scan or a photo, it needs text recognition first; otherwise check that the right file was chosen"
    )]
    Empty,
    /// There is text, but nothing that begins an answer to a question of the guide.
    #[error(
        "no answer was found in the paper: no line begins with the number of one of the guide's questions ({}). Begin each answer on a line of its own with its question's number, such as \"Question {}\" or \"{}.\"",
        list(expected),
        first(expected),
        first(expected)
    )]
    NoAnswers {
        /// The questions of the guide.
        expected: Vec<QuestionId>,
    },
}

fn first(ids: &[QuestionId]) -> &str {
    ids.first().map_or("1", |id| id.0.as_str())
}

fn list(ids: &[QuestionId]) -> String {
    let mut names: Vec<&str> = ids.iter().take(12).map(|id| id.0.as_str()).collect();
    if ids.len() > 12 {
        names.push("…");
    }
    names.join(", ")
}
