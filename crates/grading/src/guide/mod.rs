//! A marking guide: questions, marks, model answers and rubric points, each with where it came from.

mod absorb;
mod award;
mod body;
pub(crate) mod chain;
mod confidence;
mod draft;
mod elements;
mod error;
mod finish;
pub(crate) mod heads;
pub(crate) mod lines;
pub(crate) mod marks_notation;
pub(crate) mod numbering;
mod outline;
mod parse;
mod question;
mod sections;
mod settle;
mod subparts;
pub(crate) mod tables;
pub(crate) mod unread;
mod verdict;
mod walk;

use gradus_domain::Marks;
use gradus_domain::text::Span;
use serde::{Deserialize, Serialize};

pub use error::GuideError;
pub use parse::{GuideReading, parse_guide};
pub use question::Question;
pub(crate) use question::{MOST_VERDICTS, is_short};
pub use unread::UnreadPassage;
pub use verdict::Verdict;

/// A question's name in its guide: `1`, `2a`, `3(ii)` written as `3ii`; compared without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub String);

/// One point that earns marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RubricPoint {
    /// What the answer must say.
    pub text: String,
    /// What saying it is worth.
    pub marks: Marks,
    /// Where it stands in the guide's plain text.
    pub span: Span,
}

/// A marking guide as understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guide {
    /// The document's title, where it has one.
    pub title: Option<String>,
    /// In the guide's order.
    pub questions: Vec<Question>,
}

impl Guide {
    /// The question of that name.
    pub fn question(&self, id: &QuestionId) -> Option<&Question> {
        self.questions.iter().find(|question| question.id.0.eq_ignore_ascii_case(&id.0))
    }
}
