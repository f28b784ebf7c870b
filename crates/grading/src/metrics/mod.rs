//! Agreement between two markers, with uncertainty. The types that reports show.

mod agreement;
mod bootstrap;
mod classification;
mod comparison;
mod confidence;
mod expected_marks;
mod forecast;
pub(crate) mod random;
mod risk_coverage;
mod sums;

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

pub use agreement::{MarkPair, agreement, confusion};
pub use bootstrap::Bootstrap;
pub use classification::{Classification, VerdictPair, classification};
pub use comparison::{PairedMarks, compare};
pub(crate) use confidence::on_scale;
pub use confidence::{ConfidenceBin, Prediction, brier_score, confidence_bins, expected_calibration_error};
pub use expected_marks::{ExpectedMark, expected_marks, root_mean_squared_share_error};
pub use forecast::{Forecast, negative_log_likelihood};
pub(crate) use forecast::{LEAST_PROBABILITY, normalise};
pub use risk_coverage::{PredictionLoss, RiskCoveragePoint, risk_coverage_curve};

/// An estimate with its 95 % interval: the percentile interval of a bootstrap over students, computed with
/// [`Bootstrap`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value on all the data.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// How far one marker agrees with another on the same answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Number of answers compared.
    pub count: usize,
    /// Cohen's kappa with quadratic weights (Cohen 1968), every mark a category; 1 is perfect, 0 is chance.
    /// `None` where it is undefined (both markers gave one and the same mark throughout).
    pub quadratic_weighted_kappa: Option<Estimate>,
    /// Share of answers with the same mark, 0 to 1.
    pub exact_agreement: Estimate,
    /// Share of answers whose marks differ by at most one mark step of the question, 0 to 1.
    pub adjacent_agreement: Estimate,
    /// Mean absolute difference, in marks.
    pub mean_absolute_error: Estimate,
    /// Root of the mean squared difference, in marks.
    pub root_mean_squared_error: Estimate,
    /// Mean of given minus reference mark, in marks; above 0 is generous.
    pub bias: Estimate,
}

/// What a paired comparison of two models found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The trained model is better, beyond the interval.
    Improvement,
    /// The interval of the difference contains zero, or the paired test could well have come out so by chance.
    NoMeasurableImprovement,
    /// The trained model is worse, beyond the interval.
    Deterioration,
}

/// A paired comparison of two models on the same answers (bootstrap over students).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    /// Trained minus base: quadratic weighted kappa.
    pub kappa_difference: Option<Estimate>,
    /// Base minus trained: mean absolute error in marks (above 0: trained is better).
    pub error_reduction: Estimate,
    /// Two-sided p-value of the paired permutation test on absolute errors.
    pub p_value: f64,
    /// What it comes to: a difference counts where the interval of `error_reduction` excludes zero and the
    /// p-value is at most 0.05.
    pub verdict: Verdict,
}

/// Counts of (reference mark, given mark).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// The marks, ascending; rows and columns alike.
    pub marks: Vec<Marks>,
    /// `counts[reference][given]`.
    pub counts: Vec<Vec<u32>>,
}
