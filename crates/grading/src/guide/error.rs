//! Why a document cannot be used as a marking guide.

use super::QuestionId;

/// Why a document cannot be used as a marking guide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuideError {
    /// There is no text.
    #[error(
        "the marking guide has no text. If it is a scan, it needs text recognition first; otherwise check that the right file was chosen"
    )]
    Empty,
    /// There is text, but no line that begins a question.
    #[error(
        "no question was found in the marking guide (it begins \"{beginning}\"). Begin each question on a line of its own with its number, such as \"Question 1 (4 marks)\", \"1.\" or \"Q1:\", or use a table with a column named Question"
    )]
    NoQuestions {
        /// The first words of the document.
        beginning: String,
    },
    /// Some questions have neither a maximum nor points with marks.
    #[error(
        "the marking guide says nowhere how many marks {} worth. Add the marks to the question's line, such as \"(4 marks)\" or \"[4]\", or to each of its marking points, such as \"names ATP [1]\"",
        questions_are(questions)
    )]
    NoMarks {
        /// The questions without marks.
        questions: Vec<QuestionId>,
    },
}

fn questions_are(questions: &[QuestionId]) -> String {
    let names: Vec<&str> = questions.iter().map(|id| id.0.as_str()).collect();
    if names.len() > 12 {
        return format!("questions {} and {} more are", names[..12].join(", "), names.len() - 12);
    }
    match names.as_slice() {
        [one] => format!("question {one} is"),
        [first @ .., last] => format!("questions {} and {last} are", first.join(", ")),
        [] => "the questions are".to_owned(),
    }
}
