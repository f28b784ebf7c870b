//! Whether a stated confidence means what it says: of the marks given with 80 % confidence, 80 % should
//! be right.

use serde::{Deserialize, Serialize};

const BINS: usize = 10;

/// A confidence from 0 to 1 (others are clamped; one that is not a number counts as 0) and whether the
/// mark it came with was right.
pub type Prediction = (f64, bool);

/// The predictions whose confidence falls in one tenth of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceBin {
    /// Lowest confidence of the bin, included.
    pub low: f64,
    /// Highest confidence of the bin, excluded except for 1.
    pub high: f64,
    /// Number of predictions, at least 1.
    pub count: usize,
    /// Their mean confidence, 0 to 1.
    pub mean_confidence: f64,
    /// The share of them that were right, 0 to 1.
    pub accuracy: f64,
}

/// Sorts predictions into ten bins of equal width, ascending; empty bins are left out.
pub fn confidence_bins(predictions: &[Prediction]) -> Vec<ConfidenceBin> {
    let mut bins = [(0_usize, 0.0, 0_usize); BINS];
    for (confidence, correct) in predictions {
        let confidence = on_scale(*confidence);
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += confidence;
        bin.2 += usize::from(*correct);
    }
    let filled = bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0);
    filled
        .map(|(n, &(count, confidence, correct))| ConfidenceBin {
            low: n as f64 / BINS as f64,
            high: (n + 1) as f64 / BINS as f64,
            count,
            mean_confidence: confidence / count as f64,
            accuracy: correct as f64 / count as f64,
        })
        .collect()
}

/// The mean distance between confidence and accuracy over ten bins, weighted by their counts (Naeini,
/// Cooper and Hauskrecht, AAAI 2015); 0 is perfect. `None` without predictions.
pub fn expected_calibration_error(predictions: &[Prediction]) -> Option<f64> {
    let weighted = confidence_bins(predictions)
        .iter()
        .map(|bin| bin.count as f64 * (bin.mean_confidence - bin.accuracy).abs())
        .sum::<f64>();
    (!predictions.is_empty()).then(|| weighted / predictions.len() as f64)
}

/// The mean squared difference between confidence and outcome (Brier 1950); 0 is perfect, and always
/// saying 50 % scores 0.25. `None` without predictions.
pub fn brier_score(predictions: &[Prediction]) -> Option<f64> {
    let squared = predictions
        .iter()
        .map(|(confidence, correct)| {
            let error = on_scale(*confidence) - f64::from(u8::from(*correct));
            error * error
        })
        .sum::<f64>();
    (!predictions.is_empty()).then(|| squared / predictions.len() as f64)
}

/// A confidence from 0 to 1, whatever was given for one.
pub(crate) fn on_scale(confidence: f64) -> f64 {
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}
