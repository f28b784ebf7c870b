//! Benchmarks: a public set of marked answers, trained on and tested as a user's own would be, beside markers
//! that cost less.

mod markers;
mod measures;

use gradus_grading::dataset::{Dataset, DatasetOptions, LeakedAnswers, Split, build_split};
use gradus_grading::import::public::{Part, PartKind, PublicSet};
use gradus_grading::marked_answer::MarkedAnswer;
use gradus_grading::robustness::RobustnessSummary;
use serde::{Deserialize, Serialize};

use crate::robustness::Attacks;
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session};
use markers::Markers;
pub use measures::MarkerResult;

/// Which parts of a set are tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestedParts {
    /// The set's own tests: to report, never to choose by.
    Tests,
    /// What was held out of its training part: to choose by.
    Validation,
}

/// What is measured beside the trained model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baselines {
    /// The majority, the words of answers alone, and the base model as it was.
    Measured,
    /// Nothing.
    Skipped,
}

/// What is measured on each part.
#[derive(Debug, Clone, Copy)]
pub struct Measurements {
    /// On which parts.
    pub parts: TestedParts,
    /// Beside the trained model.
    pub baselines: Baselines,
    /// Against it.
    pub attacks: Attacks,
}

/// One part of a set, as every marker marks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartResult {
    /// The set's name.
    pub set: String,
    /// The part's name.
    pub part: String,
    /// What the part is for.
    pub kind: PartKind,
    /// Number of answers.
    pub answers: usize,
    /// Number of questions they answer.
    pub questions: usize,
    /// The trained model first.
    pub markers: Vec<MarkerResult>,
    /// What of the part the trained model may mark without a person's look, where it was calibrated.
    pub automatic: Option<Automatic>,
    /// How the trained model stands up to attacks, where they were tried.
    pub robustness: Option<RobustnessSummary>,
}

/// The answers whose confidence reaches the threshold chosen on validation answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Automatic {
    /// Their share of the part, 0 to 1.
    pub share: f64,
    /// Share of them with the known verdict, 0 to 1; absent where there are none.
    pub agreement: Option<f64>,
    /// The agreement that the threshold was chosen for, where one reaches it.
    pub wanted: Option<f64>,
}

impl TestedParts {
    fn includes(self, kind: PartKind) -> bool {
        match self {
            Self::Tests => !matches!(kind, PartKind::Train | PartKind::Validation),
            Self::Validation => kind == PartKind::Validation,
        }
    }
}

/// The set as a dataset with its published split. Nothing is taken out of training, so that figures compare with
/// published ones; what a test gives away is among the findings.
pub fn dataset(set: &PublicSet) -> Result<Dataset, Error> {
    let split = |kind| match kind {
        PartKind::Train => Split::Train,
        PartKind::Validation => Split::Validation,
        PartKind::UnseenAnswers => Split::UnseenAnswers,
        PartKind::UnseenQuestions | PartKind::UnseenDomains => Split::UnseenQuestions,
    };
    let all =
        set.parts.iter().flat_map(|part| part.answers.iter().map(move |answer| (answer, split(part.kind))));
    let (answers, splits): (Vec<MarkedAnswer>, Vec<Split>) =
        all.map(|(answer, split)| (answer.clone(), split)).unzip();
    let options = DatasetOptions { leaked_answers: LeakedAnswers::Keep, ..DatasetOptions::default() };
    Ok(build_split(&set.guide, &answers, &splits, &options)?)
}

/// Marks the wanted parts of the set with the trained model, and with baselines learnt from the same answers.
pub fn test_parts(
    runtime: &mut Runtime,
    model: &TrainedModel,
    set: &PublicSet,
    measurements: Measurements,
    session: &mut Session<'_>,
) -> Result<Vec<PartResult>, Error> {
    let parts: Vec<&Part> = set.parts.iter().filter(|part| measurements.parts.includes(part.kind)).collect();
    if parts.is_empty() {
        let known: Vec<&str> = set.parts.iter().map(|part| part.name.as_str()).collect();
        return Err(Error::Request(format!(
            "the set {} has nothing to test on, only {}",
            set.name,
            known.join(", ")
        )));
    }
    let mut markers = Markers::new(runtime, model, set, measurements);
    parts
        .into_iter()
        .map(|part| {
            session.watcher.stage(&format!("Testing on {} ({} answers)", part.name, part.answers.len()));
            markers.test(set, part, session)
        })
        .collect()
}
