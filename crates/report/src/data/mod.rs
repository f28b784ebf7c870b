//! What a report says, as the caller measured it: the one argument of the renderers and the content of
//! `report.json`. No markup and no wording here.

mod benchmark;
mod facts;
mod provenance;
mod results;
mod trust;

use chrono::{DateTime, Utc};
use gradus_grading::guide::QuestionId;
use gradus_grading::metrics::ConfidenceBin;
use serde::{Deserialize, Serialize};

pub use benchmark::{BenchmarkPart, BenchmarkReport, MarkerResult, VerdictConfusion};
pub use facts::{AdapterFacts, GuideFacts, LossPoint, MethodFacts, ModelFacts, QuestionFacts, TrainingFacts};
pub use provenance::{DataFinding, DocumentRead, FileChecksum, NamedValue, Reproduction, Severity};
pub use results::{ConfusionPanel, MarkScale, QuestionResult, ResultSection, Results, TestedAnswer};
pub use trust::{
    AttackExample, AutomaticMarking, CalibrationFacts, ConfidenceQuality, ConfidenceScores, CoveragePoint,
    MarkingFacts, MarkingSource, RobustnessFacts,
};

/// A test of a trained model on answers whose marks are known, and how the model came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// The page's title, usually the exam's name.
    pub title: String,
    /// When the test was finished.
    pub generated_at: DateTime<Utc>,
    /// The version of Gradus that ran the test.
    pub gradus_version: String,
    /// The marking guide or course.
    pub guide: GuideFacts,
    /// The model that was trained.
    pub model: ModelFacts,
    /// How its training went.
    pub training: TrainingFacts,
    /// How marks were judged, where that is known.
    #[serde(default)]
    pub marking: Option<MarkingFacts>,
    /// Agreement with the teacher, for all answers and apart by seen and unseen questions.
    pub results: Results,
    /// Agreement question by question, in the guide's order.
    pub by_question: Vec<QuestionResult>,
    /// Which marks were given for which, usually one panel for the trained model and one for the base.
    pub confusion: Vec<ConfusionPanel>,
    /// How often the trained model is right at each confidence, ascending; may be empty.
    pub confidence: Vec<ConfidenceBin>,
    /// How well these confidences foretell what is right, where it was measured.
    #[serde(default)]
    pub confidence_quality: Option<ConfidenceQuality>,
    /// Agreement on the surest answers, by how many these are, ascending in coverage; may be empty.
    #[serde(default)]
    pub risk_coverage: Vec<CoveragePoint>,
    /// What could be marked without a second look, where that was asked.
    #[serde(default)]
    pub automatic: Vec<AutomaticMarking>,
    /// How the model stands up to attacks, where that was tested.
    #[serde(default)]
    pub robustness: Option<RobustnessFacts>,
    /// Every tested answer, in the order in which the full table shows them.
    pub answers: Vec<TestedAnswer>,
    /// How many answers of the review queue the page lists.
    pub review_limit: usize,
    /// What was found wrong or odd in the training and test data.
    pub data_findings: Vec<DataFinding>,
    /// What was read from each held-out document.
    pub documents: Vec<DocumentRead>,
    /// How to get the same result again.
    pub reproduction: Reproduction,
    /// What a reader must keep in mind, in sentences.
    pub caveats: Vec<String>,
}

impl TestReport {
    /// The answers for a person to look at, supposed orders first, then those where a look is worth most: at most
    /// `review_limit`.
    pub fn review_queue(&self) -> Vec<&TestedAnswer> {
        self.split_by_review().0
    }

    /// The listed answers of the review queue, and all others: those that the list had no room for first,
    /// then those that need no look.
    pub(crate) fn split_by_review(&self) -> (Vec<&TestedAnswer>, Vec<&TestedAnswer>) {
        let (mut queue, settled): (Vec<&TestedAnswer>, Vec<_>) =
            self.by_confidence().into_iter().partition(|answer| answer.needs_review());
        // Stable: of answers that are worth the same, the least confident comes first. What a supposed order would
        // get as an answer is not known, so it comes before all.
        let worth = |answer: &TestedAnswer| {
            if answer.is_order { f64::INFINITY } else { answer.review_worth.unwrap_or(0.0) }
        };
        queue.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        let mut rest = queue.split_off(self.review_limit.min(queue.len()));
        rest.extend(settled);
        (queue, rest)
    }

    /// Every answer, least confident first.
    pub(crate) fn by_confidence(&self) -> Vec<&TestedAnswer> {
        let mut answers: Vec<&TestedAnswer> = self.answers.iter().collect();
        answers.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
        answers
    }

    /// The facts about that question, where the guide has it.
    pub fn question(&self, id: &QuestionId) -> Option<&QuestionFacts> {
        let same_name = |facts: &&QuestionFacts| facts.id.0.eq_ignore_ascii_case(&id.0);
        self.guide.questions.iter().find(same_name)
    }
}
