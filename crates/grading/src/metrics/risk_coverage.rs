//! What is gained by marking only the answers that a model is surest of (El-Yaniv and Wiener, "On the
//! Foundations of Noise-free Selective Classification", JMLR 2010).

use serde::{Deserialize, Serialize};

use super::confidence::{Prediction, on_scale};

/// A confidence as in [`Prediction`], and what the mark that it came with was off by: 0 or 1 for right or
/// wrong, or the absolute error in parts of the maximum.
pub type PredictionLoss = (f64, f64);

/// What it comes to when the answers of at least some confidence are marked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskCoveragePoint {
    /// The least confidence among them.
    pub confidence: f64,
    /// Their share of all answers, above 0 to 1.
    pub coverage: f64,
    /// Their mean loss.
    pub risk: f64,
}

/// The curve from the surest answers to all of them: one point for each confidence that occurs.
pub fn risk_coverage_curve(losses: &[PredictionLoss]) -> Vec<RiskCoveragePoint> {
    let (mut taken, mut lost) = (0, 0.0);
    let point = |group: Group| {
        taken += group.count;
        lost += group.loss;
        RiskCoveragePoint {
            confidence: group.confidence,
            coverage: taken as f64 / losses.len() as f64,
            risk: lost / taken as f64,
        }
    };
    groups(losses).into_iter().map(point).collect()
}

/// The area under the curve (AURC; Geifman, Uziel and El-Yaniv, ICLR 2019): the mean risk over the surest
/// one, two, three … of all answers; lower is better. Answers of one confidence count as in random order.
/// `None` without answers.
pub fn area_under_risk_coverage(losses: &[PredictionLoss]) -> Option<f64> {
    let risks: f64 = (1..=losses.len()).zip(expected_losses(losses)).map(|(n, lost)| lost / n as f64).sum();
    (!losses.is_empty()).then(|| risks / losses.len() as f64)
}

/// The share that is right among the surest answers which make up at least `coverage` (0 to 1, and at least
/// one answer) of all. Answers of one confidence count as in random order. `None` without answers.
pub fn accuracy_at_coverage(predictions: &[Prediction], coverage: f64) -> Option<f64> {
    let wrong = |correct: bool| f64::from(u8::from(!correct));
    let losses: Vec<PredictionLoss> =
        predictions.iter().map(|(confidence, correct)| (*confidence, wrong(*correct))).collect();
    let count = ((on_scale(coverage) * losses.len() as f64).ceil() as usize).max(1);
    let lost = expected_losses(&losses).get(count - 1).copied()?;
    Some(1.0 - lost / count as f64)
}

/// The expected total loss of the surest one, two, three … answers.
fn expected_losses(losses: &[PredictionLoss]) -> Vec<f64> {
    let (mut all, mut before) = (Vec::with_capacity(losses.len()), 0.0);
    for group in groups(losses) {
        let each = group.loss / group.count as f64;
        all.extend((1..=group.count).map(|n| before + each * n as f64));
        before += group.loss;
    }
    all
}

/// Answers of one confidence.
struct Group {
    confidence: f64,
    count: usize,
    loss: f64,
}

/// The surest first.
fn groups(losses: &[PredictionLoss]) -> Vec<Group> {
    let mut sorted: Vec<PredictionLoss> =
        losses.iter().map(|(confidence, loss)| (on_scale(*confidence), *loss)).collect();
    // By loss too: sums must not depend on the order that the answers come in.
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let of_one = |a: &PredictionLoss, b: &PredictionLoss| a.0 == b.0;
    let group = |members: &[PredictionLoss]| Group {
        confidence: members[0].0,
        count: members.len(),
        loss: members.iter().map(|(_, loss)| loss).sum(),
    };
    sorted.chunk_by(of_one).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [PredictionLoss; 4] = [(0.5, 1.0), (0.9, 0.0), (0.7, 1.0), (0.8, 0.0)];

    #[test]
    fn the_curve_adds_the_surest_answers_first() {
        let curve = risk_coverage_curve(&LOSSES);
        let points: Vec<(f64, f64)> = curve.iter().map(|point| (point.coverage, point.risk)).collect();
        assert_eq!(points, [(0.25, 0.0), (0.5, 0.0), (0.75, 1.0 / 3.0), (1.0, 0.5)]);
        let area = area_under_risk_coverage(&LOSSES).unwrap();
        assert!((area - (1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12, "{area}");
        assert_eq!(area_under_risk_coverage(&[]), None);
    }

    #[test]
    fn a_confidence_that_says_nothing_gains_nothing_whatever_the_order() {
        let mut same = LOSSES.map(|(_, loss)| (0.6, loss));
        for _ in 0..same.len() {
            same.rotate_left(1);
            assert_eq!(area_under_risk_coverage(&same), Some(0.5));
            assert_eq!(risk_coverage_curve(&same).len(), 1);
        }
    }

    #[test]
    fn accuracy_at_a_coverage_is_that_of_the_surest_answers() {
        let predictions = LOSSES.map(|(confidence, loss)| (confidence, loss == 0.0));
        for (coverage, accuracy) in [(0.0, 1.0), (0.5, 1.0), (0.51, 2.0 / 3.0), (1.0, 0.5)] {
            let found = accuracy_at_coverage(&predictions, coverage).unwrap();
            assert!((found - accuracy).abs() < 1e-12, "{coverage}: {found}");
        }
        assert_eq!(accuracy_at_coverage(&[], 0.5), None);
    }
}
