//! Logistic regression over the verdicts of a scale. What a verdict is worth and what an answer says meet in a
//! product: logit(k) = offset(k) + Σ_b bases(k, b)·c_b + Σ_d directions(k, d)·(w_d · x).
//!
//! With one direction for every verdict this is multinomial logistic regression; with a single direction, the
//! verdict's share of the maximum, it is the adjacent-categories model of ordered marks (Agresti, Categorical Data
//! Analysis, 2013, section 8.3), whose expected share equals the given one on average over the training answers.

use serde::{Deserialize, Serialize};

use super::dense::{add, dot};
use super::minimum::minimum;
use super::scale_design::ScaleDesign;
use super::sparse::SparseVector;
use crate::metrics::normalise;

/// One answer to learn from.
#[derive(Debug, Clone)]
pub(super) struct Observation<'a> {
    pub(super) design: &'a ScaleDesign,
    pub(super) features: SparseVector,
    /// A logit for each verdict that is known before.
    pub(super) offset: Vec<f64>,
    /// Position of the verdict given.
    pub(super) verdict: usize,
}

/// How much weights are drawn to zero: half of it times their squares is added to the log loss of all answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub(super) weights: f64,
    pub(super) bases: f64,
}

/// What was learnt. In single precision, which halves a trained model's files and changes no verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct VerdictLogit {
    /// One a base.
    bases: Vec<f32>,
    /// One list a direction, each with one weight a feature.
    weights: Vec<Vec<f32>>,
}

impl VerdictLogit {
    /// Every observation's design has the same number of directions and of bases.
    pub(super) fn fit(observations: &[Observation], features: usize, penalty: Penalty) -> Self {
        let Some(first) = observations.first() else {
            return Self::default();
        };
        let width = |rows: &[Vec<f64>]| rows.first().map_or(0, Vec::len);
        let bases = width(&first.design.bases);
        let start = vec![0.0; bases + width(&first.design.directions) * features];
        let loss = Loss { observations, bases, features, penalty };
        let found = minimum(start, |point, gradient| loss.value_and_gradient(point, gradient));
        let rounded: Vec<f32> = found.into_iter().map(|value| value as f32).collect();
        let (bases, weights) = rounded.split_at(bases);
        let weights = weights.chunks(features.max(1)).map(<[f32]>::to_vec).collect();
        Self { bases: bases.to_vec(), weights }
    }

    /// One a verdict. Zeros where nothing was learnt.
    pub(super) fn logits(&self, design: &ScaleDesign, features: &SparseVector) -> Vec<f64> {
        let bases: Vec<f64> = self.bases.iter().copied().map(f64::from).collect();
        let strengths: Vec<f64> = self.weights.iter().map(|weights| features.dot_dense(weights)).collect();
        let rows = design.directions.iter().zip(&design.bases);
        rows.map(|(direction, base)| dot(base, &bases) + dot(direction, &strengths)).collect()
    }
}

/// What is minimised.
struct Loss<'a> {
    observations: &'a [Observation<'a>],
    /// Number of bases.
    bases: usize,
    /// Number of features.
    features: usize,
    penalty: Penalty,
}

impl Loss<'_> {
    /// The penalised log loss of all answers at a point: bases first, then weights direction by direction.
    fn value_and_gradient(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let penalties = std::iter::repeat_n(self.penalty.bases, self.bases)
            .chain(std::iter::repeat(self.penalty.weights));
        let mut loss = 0.0;
        for ((slope, value), penalty) in gradient.iter_mut().zip(point).zip(penalties) {
            *slope = penalty * value;
            loss += 0.5 * penalty * value * value;
        }
        for observation in self.observations {
            let (bases, weights) = point.split_at(self.bases);
            let mut probabilities = self.logits(observation, bases, weights);
            loss -= probabilities[observation.verdict];
            loss += normalise(&mut probabilities);
            probabilities[observation.verdict] -= 1.0;
            self.add_slopes(observation, &probabilities, gradient);
        }
        loss
    }

    fn logits(&self, observation: &Observation, bases: &[f64], weights: &[f64]) -> Vec<f64> {
        let columns = weights.chunks(self.features.max(1));
        let strengths: Vec<f64> = columns.map(|weights| observation.features.dot_dense(weights)).collect();
        let design = observation.design;
        let rows = design.directions.iter().zip(&design.bases).zip(&observation.offset);
        rows.map(|((direction, base), offset)| offset + dot(base, bases) + dot(direction, &strengths))
            .collect()
    }

    /// `residuals`: each verdict's probability, less 1 for the one given.
    fn add_slopes(&self, observation: &Observation, residuals: &[f64], gradient: &mut [f64]) {
        let (base_slopes, weight_slopes) = gradient.split_at_mut(self.bases);
        let directions = weight_slopes.len() / self.features.max(1);
        let mut of_directions = vec![0.0; directions];
        for (verdict, residual) in residuals.iter().enumerate() {
            add(base_slopes, *residual, &observation.design.bases[verdict]);
            add(&mut of_directions, *residual, &observation.design.directions[verdict]);
        }
        for (slopes, residual) in weight_slopes.chunks_mut(self.features.max(1)).zip(of_directions) {
            for (column, value) in &observation.features.0 {
                slopes[*column as usize] += residual * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two verdicts; feature 0 says yes, feature 1 says no, and feature 2 means nothing.
    fn observations(design: &ScaleDesign) -> Vec<Observation<'_>> {
        let observation = |column: u32, verdict| Observation {
            design,
            features: SparseVector(vec![(column, 1.0), (2, 1.0)]),
            offset: vec![0.0; 2],
            verdict,
        };
        vec![observation(0, 1), observation(0, 1), observation(0, 0), observation(1, 0), observation(1, 0)]
    }

    #[test]
    fn the_gradient_equals_finite_differences() {
        let design = ScaleDesign {
            directions: vec![vec![0.0, 0.3], vec![1.0, -0.5]],
            bases: vec![vec![1.0, 0.2], vec![0.0, 1.0]],
        };
        let observations = observations(&design);
        let penalty = Penalty { weights: 0.7, bases: 0.2 };
        let loss = Loss { observations: &observations, bases: 2, features: 3, penalty };
        let point: Vec<f64> = (0..8).map(|n| f64::from(n * 5 % 7) / 5.0 - 0.6).collect();
        let (mut gradient, mut unused) = (vec![0.0; 8], vec![0.0; 8]);
        loss.value_and_gradient(&point, &mut gradient);
        for n in 0..8 {
            let mut moved = |by: f64| {
                let mut moved = point.clone();
                moved[n] += by;
                loss.value_and_gradient(&moved, &mut unused)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((gradient[n] - difference).abs() < 1e-7, "{n}: {} {difference}", gradient[n]);
        }
    }

    #[test]
    fn without_a_penalty_probabilities_are_the_shares_that_were_seen() {
        let design = ScaleDesign::of_names(2);
        let logit = VerdictLogit::fit(&observations(&design), 3, Penalty { weights: 1e-6, bases: 0.0 });
        let mut shares = logit.logits(&design, &SparseVector(vec![(0, 1.0), (2, 1.0)]));
        normalise(&mut shares);
        assert!((shares[1] - 2.0 / 3.0).abs() < 1e-3, "{shares:?}");
    }
}
