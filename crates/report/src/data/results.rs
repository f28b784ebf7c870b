//! Measured results: agreement sections, questions, confusion matrices and single answers.

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use gradus_grading::metrics::{Agreement, ConfusionMatrix, PairedComparison};
use serde::{Deserialize, Serialize};

/// Agreement with the teacher in three groups of answers. A group without answers is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// All tested answers.
    pub overall: Option<ResultSection>,
    /// Answers to questions that the model was trained on.
    pub seen_questions: Option<ResultSection>,
    /// Answers to questions that the model never saw a marked answer to.
    pub unseen_questions: Option<ResultSection>,
}

impl Results {
    /// The group that the headline speaks of: all answers, or else the one group there is.
    pub fn headline(&self) -> Option<&ResultSection> {
        self.overall.as_ref().or(self.seen_questions.as_ref()).or(self.unseen_questions.as_ref())
    }
}

/// Agreement of the trained model, the base model and a second person with the teacher's marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultSection {
    /// Number of answers in the group.
    pub count: usize,
    /// The trained model against the teacher.
    pub trained: Agreement,
    /// The base model, before training, against the teacher.
    pub base: Agreement,
    /// A second human marker against the teacher, on the answers that were marked twice.
    pub human: Option<Agreement>,
    /// Trained against base on the same answers.
    pub comparison: PairedComparison,
}

/// Agreement with the teacher on one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionResult {
    /// Which question.
    pub question: QuestionId,
    /// The trained model against the teacher.
    pub trained: Agreement,
    /// The base model, before training, against the teacher.
    pub base: Agreement,
    /// A second human marker against the teacher, where there is one.
    pub human: Option<Agreement>,
}

/// What the numbers of a confusion matrix's axes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkScale {
    /// Marks, where every question has the same maximum.
    Marks,
    /// Shares of the question's maximum, 0 to 1, to which each mark was rounded.
    ShareOfMaximum,
}

/// One confusion matrix with what it shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusionPanel {
    /// Whose marks the columns are ("Trained model").
    pub marker: String,
    /// What the matrix's axes are.
    pub scale: MarkScale,
    /// `counts[teacher's mark][marker's mark]`.
    pub matrix: ConfusionMatrix,
}

/// One tested answer: what the teacher gave and what the trained model gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestedAnswer {
    /// Who wrote it, where known.
    pub student: Option<String>,
    /// Which question it answers.
    pub question: QuestionId,
    /// What the student wrote.
    pub answer: String,
    /// The teacher's mark.
    pub reference_mark: Marks,
    /// The trained model's mark: the most probable legal one.
    pub given_mark: Marks,
    /// Mean of the legal marks under the model's probabilities, in marks.
    pub expected_mark: f64,
    /// The probability that the model gives to its mark, 0 to 1.
    pub confidence: f64,
    /// How far the mark is expected to be from the right one, in parts of the maximum: what a person's look
    /// is worth. `None` where it was not judged.
    #[serde(default)]
    pub review_worth: Option<f64>,
    /// Whether it seems to speak to the marker instead of answering.
    #[serde(default)]
    pub is_order: bool,
    /// Whether it is sure enough to stand without a person's look.
    #[serde(default)]
    pub automatic: bool,
    /// The teacher's verdict, where the question's scale is words.
    #[serde(default)]
    pub reference_verdict: Option<String>,
    /// The model's verdict, where the question's scale is words.
    #[serde(default)]
    pub given_verdict: Option<String>,
    /// What the model writes back to the student, where it was asked to.
    pub feedback: Option<String>,
}

impl TestedAnswer {
    /// Whether the model says what the teacher says: the same verdict where both have one in words, since
    /// several may be worth the same, and else the same mark.
    pub fn agrees(&self) -> bool {
        match (&self.reference_verdict, &self.given_verdict) {
            (Some(reference), Some(given)) => reference == given,
            _ => self.reference_mark == self.given_mark,
        }
    }

    /// Whether it belongs in the review queue.
    pub(crate) fn needs_review(&self) -> bool {
        !self.automatic
    }
}
