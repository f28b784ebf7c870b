//! How marks were judged, and how far they can be trusted: calibration, abstention, attacks.

use gradus_grading::guide::{QuestionId, Verdict};
use gradus_grading::metrics::Estimate;
use gradus_grading::robustness::{AttackKind, RobustnessSummary};
use serde::{Deserialize, Serialize};

/// From what a mark's probability was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkingFacts {
    /// What judged answers to questions that have marked answers in training; may be empty.
    pub seen_questions: Vec<MarkingSource>,
    /// What judged answers to other questions; may be empty.
    pub unseen_questions: Vec<MarkingSource>,
    /// The calibration of the former.
    pub seen_calibration: CalibrationFacts,
    /// The calibration of the latter.
    pub unseen_calibration: CalibrationFacts,
    /// Why nothing was blended or calibrated, where that is so, in a sentence.
    pub note: Option<String>,
}

/// How confidences on one kind of questions were calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationFacts {
    /// What the logarithms of probabilities are divided by: above 1 makes confidences lower. `None` where
    /// nothing was calibrated.
    pub temperature: Option<f64>,
    /// The validation answers that it was chosen on: those to the other kind of questions where this one had
    /// too few.
    pub validation_answers: usize,
}

/// One of the judges whose distributions over the marks are blended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkingSource {
    /// What it is ("language model", "words of the answers (TF-IDF)").
    pub name: String,
    /// The exponent of its probabilities in the blend (a log-linear pool): weights need not add up to 1, and
    /// 0 is not heard at all.
    pub weight: f64,
}

/// How well confidences foretell whether a mark is the teacher's, on the tested answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceQuality {
    /// The confidences that the report shows.
    pub calibrated: ConfidenceScores,
    /// The confidences before calibration; `None` where nothing was calibrated.
    pub uncalibrated: Option<ConfidenceScores>,
}

/// Two scores of confidences; 0 is perfect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceScores {
    /// Mean distance between confidence and share of right marks over bins of like confidence, 0 to 1.
    pub expected_calibration_error: f64,
    /// Mean squared difference between confidence and outcome (1 right, 0 wrong), 0 to 1.
    pub brier: f64,
}

/// What it comes to when only the surest answers are marked automatically.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// The share of answers that are marked, 0 to 1.
    pub coverage: f64,
    /// The share of those whose mark is exactly the teacher's, 0 to 1.
    pub agreement: f64,
}

/// Marking without a second look, from a confidence that was chosen for a wanted agreement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutomaticMarking {
    /// Which answers these are ("answers to questions that it was trained on"), in the plural.
    pub kind: String,
    /// How many of them were tested.
    pub count: usize,
    /// The share of automatic marks that should be exactly the teacher's, 0 to 1.
    pub wanted_agreement: f64,
    /// The least confidence at which an answer is marked automatically; `None` where none is high enough.
    pub threshold: Option<f64>,
    /// The share of the validation answers that it accepts, 0 to 1; 0 without a threshold.
    pub share_on_validation: f64,
    /// The share of these of the tested answers that it accepts, 0 to 1; 0 without a threshold.
    pub share_here: f64,
    /// The share of those with exactly the teacher's mark; `None` where none was accepted.
    pub agreement_here: Option<Estimate>,
    /// Why there is no threshold, in a sentence.
    pub reason: Option<String>,
}

/// How the trained model stands up to answers made to mislead it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustnessFacts {
    /// What the attacks achieved.
    pub summary: RobustnessSummary,
    /// The genuine answers that they were made from.
    pub answers: usize,
    /// Some that worked, the worst first; may be empty.
    pub examples: Vec<AttackExample>,
}

/// An attack that worked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttackExample {
    /// How the text was made.
    pub kind: AttackKind,
    /// Which question it pretends to answer.
    pub question: QuestionId,
    /// The text that was marked.
    pub answer: String,
    /// What the text that it was made from got: the genuine answer, or for a contradiction the model answer.
    /// For a worthless text, the lowest verdict.
    pub before: Verdict,
    /// What the attack got.
    pub after: Verdict,
}
