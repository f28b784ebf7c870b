//! Marked answers frozen into a dataset: split by question and by student, checked for leakage, hashed.

mod build;
mod duplicates;
mod findings;
mod frozen;
mod held_out;
mod near_duplicates;
pub(crate) mod split;
mod summary;
pub(crate) mod texts;

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

pub use build::{build, build_split};
pub use findings::{Finding, FindingKind, Severity};
pub use held_out::check_held_out;
pub use summary::{DatasetSummary, MarkCount, QuestionSummary, SplitCount};
pub(crate) use texts::fold;

use crate::guide::{Guide, QuestionId, Verdict};
use crate::marked_answer::RowSource;

/// The version of [`Dataset::to_json`]'s format.
pub const FORMAT_VERSION: u32 = 1;

/// What an example is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The model learns from it.
    Train,
    /// Decides when to stop and calibrates the confidence.
    Validation,
    /// Test: a question of the training examples, answered by students who are not among them.
    UnseenAnswers,
    /// Test: a question of which no answer was learnt from.
    UnseenQuestions,
}

impl Split {
    /// Every split, in order.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::UnseenAnswers, Self::UnseenQuestions];

    /// Its name in running text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::UnseenAnswers => "unseen answers",
            Self::UnseenQuestions => "unseen questions",
        }
    }
}

/// An example's number in its dataset: its position among the answers that the dataset was built from, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExampleId(pub u32);

/// A marked answer in a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Its number.
    pub id: ExampleId,
    /// Who wrote it, where known.
    pub student: Option<String>,
    /// Which question it answers, spelt as in the guide.
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
    /// What it is for.
    pub split: Split,
}

/// What happens to a training example whose text also stands in a held-out split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakedAnswers {
    /// It leaves the dataset, unless it is blank or one or two words long: those everyone writes.
    #[default]
    RemoveFromTraining,
    /// It stays and is only reported.
    Keep,
}

/// How answers become a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetOptions {
    /// Questions of which every answer is kept for testing.
    pub unseen_questions: Vec<QuestionId>,
    /// Share of the students whose answers are kept for validation, 0 to 1.
    pub validation_share: f64,
    /// Share of the students whose answers are kept for testing, 0 to 1.
    pub test_share: f64,
    /// What happens to training examples that would give held-out answers away.
    pub leaked_answers: LeakedAnswers,
    /// Decides which students go where.
    pub seed: u64,
}

impl Default for DatasetOptions {
    fn default() -> Self {
        Self {
            unseen_questions: Vec::new(),
            validation_share: 0.1,
            test_share: 0.0,
            leaked_answers: LeakedAnswers::default(),
            seed: 1,
        }
    }
}

/// A frozen dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// [`FORMAT_VERSION`] when it was built.
    pub format_version: u32,
    /// BLAKE3 in lower-case hexadecimal over the JSON of guide and examples (splits included) with fields in
    /// the order of their declaration. Datasets of one hash train the same model.
    pub content_hash: String,
    /// How it was built.
    pub options: DatasetOptions,
    /// The guide that the answers were marked by.
    pub guide: Guide,
    /// In the order of the answers that it was built from.
    pub examples: Vec<Example>,
    /// What a person should know about it.
    pub findings: Vec<Finding>,
}

impl Dataset {
    /// The position on its question's scale of the verdict that an example was given: the one of its name, or
    /// the one whose marks are nearest. `None` for an example that is not of this dataset.
    pub fn verdict_position(&self, example: &Example) -> Option<usize> {
        let scale = self.guide.question(&example.question)?.scale();
        Verdict::position(&scale, example.verdict.as_deref(), example.mark)
    }
}

/// Why there is no dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Nothing to build from.
    #[error("there are no marked answers: add a file of marked answers to the dataset")]
    NoAnswers,
    /// An answer to a question that the guide lacks.
    #[error("{file}, row {row}: question `{question}` is not in the guide: use one of {known}")]
    UnknownQuestion {
        /// The answer's file.
        file: String,
        /// Its row.
        row: usize,
        /// The question it names.
        question: String,
        /// The guide's questions.
        known: String,
    },
    /// A mark that the guide does not allow.
    #[error(
        "{file}, row {row}: {mark} is not between 0 and {maximum}, the maximum of question {question}: \
         correct the mark or the guide"
    )]
    MarkOutOfRange {
        /// The answer's file.
        file: String,
        /// Its row.
        row: usize,
        /// The mark.
        mark: Marks,
        /// The question's maximum.
        maximum: Marks,
        /// The question.
        question: String,
    },
    /// A verdict that the question's scale lacks.
    #[error("{file}, row {row}: `{verdict}` is no verdict of question {question}: use one of {known}")]
    UnknownVerdict {
        /// The answer's file.
        file: String,
        /// Its row.
        row: usize,
        /// The verdict it names.
        verdict: String,
        /// The question.
        question: String,
        /// The question's verdicts.
        known: String,
    },
    /// A held-out question that the guide lacks.
    #[error("question `{question}` cannot be held out: it is not in the guide, which has {known}")]
    UnknownUnseenQuestion {
        /// The question named.
        question: String,
        /// The guide's questions.
        known: String,
    },
    /// Shares that leave nothing for training.
    #[error(
        "{validation_share} of the students for validation and {test_share} for testing leave none for \
         training: choose shares from 0 to 1 that add up to less than 1"
    )]
    Shares {
        /// As given.
        validation_share: f64,
        /// As given.
        test_share: f64,
    },
    /// Everything is held out.
    #[error("no example is left for training: hold out fewer questions or add marked answers")]
    NothingToTrainOn,
    /// Not JSON of a dataset.
    #[error("this is not a dataset ({0}): give a file that `gradus dataset build` wrote")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error(
        "the dataset has format version {0}, but this program reads version {FORMAT_VERSION}: build it \
         again from its files"
    )]
    FormatVersion(u32),
    /// Changed after it was frozen.
    #[error(
        "the dataset was changed after it was frozen (its content hash does not match): build it again \
         from its files"
    )]
    Changed,
}
