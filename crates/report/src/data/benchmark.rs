//! A test on a published set of marked answers, beside baselines.

use chrono::{DateTime, Utc};
use gradus_grading::metrics::{ConfidenceBin, Estimate};
use serde::{Deserialize, Serialize};

use super::{
    AutomaticMarking, CoveragePoint, MarkingFacts, ModelFacts, Reproduction, RobustnessFacts, TrainingFacts,
};

/// A model trained on a published set and tested on its test parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkReport {
    /// The page's title.
    pub title: String,
    /// The set's name ("SciEntsBank, 3-way").
    pub set: String,
    /// How the set was read, in sentences: what was left out, how labels became marks.
    pub notes: Vec<String>,
    /// When the test was finished.
    pub generated_at: DateTime<Utc>,
    /// The version of Gradus that ran it.
    pub gradus_version: String,
    /// The model that was trained.
    pub model: ModelFacts,
    /// How its training went.
    pub training: TrainingFacts,
    /// How marks were judged, where that is known.
    #[serde(default)]
    pub marking: Option<MarkingFacts>,
    /// The set's test parts.
    pub parts: Vec<BenchmarkPart>,
    /// How the trained model stands up to answers made to mislead it, where that was tried.
    #[serde(default)]
    pub robustness: Option<RobustnessFacts>,
    /// How to get the same result again.
    pub reproduction: Reproduction,
    /// What a reader must keep in mind, in sentences.
    pub caveats: Vec<String>,
}

/// One test part of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkPart {
    /// Its name ("Unseen answers").
    pub name: String,
    /// What is new in it, in words ("new answers to questions of the training part").
    pub kind: String,
    /// Number of answers.
    pub answers: usize,
    /// Number of questions.
    pub questions: usize,
    /// The markers that were compared, the trained model first.
    pub markers: Vec<MarkerResult>,
    /// Which verdicts the trained model gave for which.
    pub confusion: Option<VerdictConfusion>,
    /// How many of the answers, all genuine, the trained model takes for orders to the marker, where that was
    /// counted.
    #[serde(default)]
    pub taken_for_orders: Option<usize>,
    /// What of it the trained model may mark without a person's look, where a threshold was looked for.
    #[serde(default)]
    pub automatic: Vec<AutomaticMarking>,
    /// How often the trained model is right at each confidence, ascending; may be empty.
    pub confidence: Vec<ConfidenceBin>,
    /// The trained model's agreement on its surest answers, by how many these are; may be empty.
    pub risk_coverage: Vec<CoveragePoint>,
}

/// One marker against the set's own marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkerResult {
    /// Who it is ("trained model", "majority"); the same in every part.
    pub name: String,
    /// Share of answers with the right verdict, 0 to 1.
    pub accuracy: Estimate,
    /// Mean of the verdicts' F1 scores, each weighted by how often the verdict is right, 0 to 1.
    ///
    /// `None` where questions have different scales.
    pub weighted_f1: Option<Estimate>,
    /// Mean of the verdicts' F1 scores, each counting alike, 0 to 1.
    ///
    /// `None` where questions have different scales.
    pub macro_f1: Option<Estimate>,
    /// Root of the mean squared difference between the mark expected and the set's, in parts of the maximum, 0 to 1.
    pub root_mean_squared_error: Estimate,
    /// Cohen's kappa with quadratic weights; `None` where it is undefined.
    pub quadratic_weighted_kappa: Option<Estimate>,
    /// Mean negative logarithm of the right verdict's probability, in nats.
    pub log_loss: f64,
    /// Mean distance between confidence and share of right verdicts, 0 to 1.
    pub expected_calibration_error: f64,
    /// Mean squared difference between confidence and outcome (1 right, 0 wrong), 0 to 1.
    pub brier: f64,
}

/// A confusion matrix whose axes are verdicts by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictConfusion {
    /// Whose verdicts the columns are.
    pub marker: String,
    /// The verdicts' names, or marks as text; rows and columns alike.
    pub names: Vec<String>,
    /// `counts[right verdict][marker's verdict]`.
    pub counts: Vec<Vec<u32>>,
}
