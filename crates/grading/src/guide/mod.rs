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

/// One question of a guide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub id: QuestionId,
    /// What is asked.
    pub text: String,
    /// The most marks an answer can get.
    pub max_marks: Marks,
    /// An answer that gets full marks.
    pub model_answer: Option<String>,
    /// The points that earn the marks; may be empty.
    pub rubric: Vec<RubricPoint>,
    /// The verdicts that an answer can get, where they are others than the multiples of a mark step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Notes for the marker ("accept …", "do not accept …").
    pub notes: Vec<String>,
    /// How sure the parser is that it understood the question, 0 to 1.
    pub confidence: f64,
    /// Why the confidence is below 1, in sentences for a person.
    pub doubts: Vec<String>,
    /// The question's part of the guide's plain text.
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

impl Question {
    /// A question without model answer, rubric points and notes, of which nothing is in doubt.
    pub fn new(id: QuestionId, text: String, max_marks: Marks) -> Self {
        Self {
            id,
            text,
            max_marks,
            model_answer: None,
            rubric: Vec::new(),
            verdicts: Vec::new(),
            notes: Vec::new(),
            confidence: 1.0,
            doubts: Vec::new(),
            span: Span { start: 0, end: 0 },
        }
    }

    /// The smallest step between marks: the greatest common divisor of the maximum, the rubric points'
    /// marks and one mark, but never below a quarter mark.
    pub fn mark_step(&self) -> Marks {
        let points = self.rubric.iter().map(|point| point.marks);
        let step = points
            .chain([self.max_marks, Marks::ONE])
            .map(|marks| marks.thousandths().unsigned_abs())
            .fold(0, greatest_common_divisor);
        Marks::from_thousandths((step.max(250)) as i32)
    }

    /// Other answers that get full marks, by the notes that begin with "accept:".
    pub fn accepted_answers(&self) -> impl Iterator<Item = &str> {
        let notes = self.notes.iter().filter_map(|note| note.split_once(':'));
        notes.filter(|(head, _)| head.trim().eq_ignore_ascii_case("accept")).map(|(_, answer)| answer.trim())
    }

    /// Whether some verdict is a word rather than a number of marks.
    pub fn is_judged_in_words(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.name.parse::<Marks>().is_err())
    }

    /// Every verdict that an answer can get, the worst first: those of the guide, or else every multiple of
    /// the mark step.
    pub fn scale(&self) -> Vec<Verdict> {
        if self.verdicts.is_empty() {
            self.max_marks.steps(self.mark_step()).into_iter().map(Verdict::of_marks).collect()
        } else {
            self.verdicts.clone()
        }
    }

    /// Every mark that an answer can get, ascending.
    pub fn legal_marks(&self) -> Vec<Marks> {
        let mut marks: Vec<Marks> = self.scale().into_iter().map(|verdict| verdict.marks).collect();
        marks.dedup();
        marks
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl Guide {
    /// The question of that name.
    pub fn question(&self, id: &QuestionId) -> Option<&Question> {
        self.questions.iter().find(|question| question.id.0.eq_ignore_ascii_case(&id.0))
    }
}
