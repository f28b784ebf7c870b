//! How far an exported model is from the model it was made of.

use std::fmt;
use std::path::Path;

use super::{ExportError, Precision};
use crate::adapter::Adapter;
use crate::backend::Backend;
use crate::backend::cpu::{self, BaseWeights, CpuBackend};
use crate::batch::{PackedBatch, Sequence, micro_batches};
use crate::files;

/// Rows computed at once: bounds memory.
const MICRO_BATCH_ROWS: usize = 1024;

/// Differences between log-probabilities of the same labels, in nats, without sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub largest: f64,
}

impl Drift {
    /// What a merged model may differ by.
    ///
    /// In f32 only the order of additions differs (2e-5 at most on SmolLM2-135M). In bf16 every weight
    /// is rounded by up to 1 part in 512, as in any published bf16 model, and errors of random sign
    /// mostly cancel: 0.012 on average and 0.05 at most there. The limits leave room for deeper models
    /// and rarer labels, and stay far below the whole nats by which a wrong tensor moves them.
    #[must_use]
    pub fn tolerance(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self { mean: 1e-3, largest: 1e-3 },
            Precision::Bf16 => Self { mean: 0.05, largest: 0.5 },
        }
    }

    /// Not-a-number is never within a tolerance.
    pub(super) fn is_within(self, tolerance: Self) -> bool {
        self.mean <= tolerance.mean && self.largest <= tolerance.largest
    }

    pub(super) fn between(expected: &[f32], found: &[f32]) -> Self {
        let differences: Vec<f64> =
            expected.iter().zip(found).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        // `f64::max` would drop what is not a number.
        let largest = if mean.is_nan() { f64::NAN } else { differences.into_iter().fold(0.0, f64::max) };
        Self { mean, largest }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2e} nats apart on average and {:.2e} at most", self.mean, self.largest)
    }
}

/// The log-probability of every label of the sample, in an order that depends on the sample alone.
pub(super) fn log_probabilities(
    (model, base_weights): (&Path, BaseWeights),
    adapter: Option<&Adapter>,
    sample: &[Sequence],
) -> Result<Vec<f32>, ExportError> {
    let model = files::load(model)?;
    let mut backend =
        CpuBackend::with_base_weights(model.config, model.weights, cpu::Precision::F32, base_weights)?;
    let sequences: Vec<&Sequence> = sample.iter().collect();
    let mut found = Vec::new();
    for indices in micro_batches(&sequences, MICRO_BATCH_ROWS) {
        let batch = PackedBatch::pack(&indices.iter().map(|index| sequences[*index]).collect::<Vec<_>>());
        found.extend(backend.log_probabilities(&batch, adapter)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_is_not_a_number_is_never_within_tolerance() {
        let loose = Drift { mean: f64::MAX, largest: f64::MAX };
        assert!(Drift::between(&[-1.0, -2.0], &[-1.5, -2.0]).is_within(loose));
        assert!(!Drift::between(&[-1.0, -2.0], &[f32::NAN, -2.0]).is_within(loose));
    }

    #[test]
    fn drift_is_the_mean_and_the_largest_difference() {
        let drift = Drift::between(&[-1.0, -2.0], &[-1.5, -2.25]);
        assert_eq!(drift, Drift { mean: 0.375, largest: 0.5 });
    }
}
