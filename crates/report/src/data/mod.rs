//! What a report says, as the caller measured it: the one argument of the renderers and the content of
//! `report.json`. No markup and no wording here.

mod facts;
mod provenance;
mod results;

use chrono::{DateTime, Utc};
use gradus_grading::guide::QuestionId;
use gradus_grading::metrics::ConfidenceBin;
use serde::{Deserialize, Serialize};

pub use facts::{AdapterFacts, GuideFacts, LossPoint, MethodFacts, ModelFacts, QuestionFacts, TrainingFacts};
pub use provenance::{DataFinding, DocumentRead, FileChecksum, NamedValue, Reproduction, Severity};
pub use results::{ConfusionPanel, MarkScale, QuestionResult, ResultSection, Results, TestedAnswer};

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
    /// Agreement with the teacher, for all answers and apart by seen and unseen questions.
    pub results: Results,
    /// Agreement question by question, in the guide's order.
    pub by_question: Vec<QuestionResult>,
    /// Which marks were given for which, usually one panel for the trained model and one for the base.
    pub confusion: Vec<ConfusionPanel>,
    /// How often the trained model is right at each confidence, ascending; may be empty.
    pub confidence: Vec<ConfidenceBin>,
    /// Every tested answer, in the order in which the full table shows them.
    pub answers: Vec<TestedAnswer>,
    /// How many of the least confident answers the page lists for a person to look at.
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
    /// The answers for a person to look at: the `review_limit` least confident, least first.
    pub fn review_queue(&self) -> Vec<&TestedAnswer> {
        let mut queue = self.by_confidence();
        queue.truncate(self.review_limit);
        queue
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
