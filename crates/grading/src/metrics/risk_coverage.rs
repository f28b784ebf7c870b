//! What is gained by marking only the answers that a model is surest of (El-Yaniv and Wiener, "On the
//! Foundations of Noise-free Selective Classification", JMLR 2010).

use serde::{Deserialize, Serialize};

use super::confidence::on_scale;

/// A confidence as in [`Prediction`](super::Prediction), and what the mark that it came with was off by: 0 or 1 for right or
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
    }

    #[test]
    fn a_confidence_that_says_nothing_gains_nothing_whatever_the_order() {
        let mut same = LOSSES.map(|(_, loss)| (0.6, loss));
        for _ in 0..same.len() {
            same.rotate_left(1);
            let curve = risk_coverage_curve(&same);
            assert_eq!((curve.len(), curve[0].risk), (1, 0.5));
        }
    }
}
