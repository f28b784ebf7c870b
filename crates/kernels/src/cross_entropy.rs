//! Cross-entropy fused with the output projection, in chunks of rows: the logits of a whole batch never
//! exist at once.

mod bf16;

use rayon::prelude::*;

use crate::gemm::{Accumulate, multiply};
use crate::matrix::Matrix;
use crate::simd::{exp, vectorised};

pub use bf16::Bf16CrossEntropy;

/// Rows whose logits exist at one time.
const ROWS: usize = 32;

/// A token that a row is asked to predict. Several targets may share a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Row of the hidden states.
    pub row: usize,
    /// The token.
    pub token: u32,
    /// Its weight in the loss.
    pub weight: f32,
}

/// The output projection.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy<'a> {
    /// `[vocabulary, width]`.
    pub projection: &'a [f32],
    /// Width of a hidden state.
    pub width: usize,
}

impl CrossEntropy<'_> {
    /// Logarithms of the probabilities of the targets, in their order. `targets` must be ordered by row
    /// and `hidden` is `[rows, width]`.
    pub fn log_probabilities(&self, hidden: &[f32], targets: &[Target]) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        self.for_each_chunk(hidden, targets, |logits, targets| {
            all.extend(targets.iter().map(|target| logits.log_probability(target)));
        });
        all
    }

    /// As [`Self::log_probabilities`]; also writes the gradient of
    /// `-scale * Σ weight * log_probability` with respect to `hidden` into `d_hidden`.
    pub fn backward(&self, hidden: &[f32], targets: &[Target], scale: f32, d_hidden: &mut [f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        let vocabulary = self.projection.len() / self.width;
        self.for_each_chunk(hidden, targets, |mut logits, targets| {
            all.extend(targets.iter().map(|target| logits.log_probability(target)));
            logits.replace_by_gradient(targets, scale);
            let rows = logits.normalisers.len();
            let d_rows = &mut d_hidden[logits.first_row * self.width..][..rows * self.width];
            let d_logits = Matrix::new(&logits.values, rows, vocabulary);
            let projection = Matrix::new(self.projection, vocabulary, self.width);
            multiply(d_rows, d_logits, projection, 1.0, Accumulate::Overwrite);
        });
        all
    }

    /// The logits of every row, `[rows, vocabulary]`. For a few rows only.
    pub fn logits(&self, hidden: &[f32]) -> Vec<f32> {
        let (rows, vocabulary) = (hidden.len() / self.width, self.projection.len() / self.width);
        let mut logits = vec![0.0; rows * vocabulary];
        let projection = Matrix::new(self.projection, vocabulary, self.width).transposed();
        let hidden = Matrix::new(hidden, rows, self.width);
        multiply(&mut logits, hidden, projection, 1.0, Accumulate::Overwrite);
        logits
    }

    fn for_each_chunk(&self, hidden: &[f32], targets: &[Target], mut visit: impl FnMut(Logits, &[Target])) {
        assert!(targets.is_sorted_by_key(|target| target.row), "targets ordered by row");
        for (chunk, hidden) in hidden.chunks(ROWS * self.width).enumerate() {
            let first_row = chunk * ROWS;
            let rows = hidden.len() / self.width;
            let from = targets.partition_point(|target| target.row < first_row);
            let to = targets.partition_point(|target| target.row < first_row + rows);
            visit(Logits::new(self.logits(hidden), rows, first_row), &targets[from..to]);
        }
    }
}

/// Logits of a chunk of rows.
struct Logits {
    values: Vec<f32>,
    /// Logarithm of the softmax's denominator of each row.
    normalisers: Vec<f32>,
    first_row: usize,
}

impl Logits {
    fn new(values: Vec<f32>, rows: usize, first_row: usize) -> Self {
        let vocabulary = values.len() / rows;
        let normalisers = values.par_chunks(vocabulary).map(log_sum_exp).collect();
        Self { values, normalisers, first_row }
    }

    fn vocabulary(&self) -> usize {
        self.values.len() / self.normalisers.len()
    }

    fn log_probability(&self, target: &Target) -> f32 {
        let row = target.row - self.first_row;
        self.values[row * self.vocabulary() + target.token as usize] - self.normalisers[row]
    }

    /// Each row becomes `scale * (Σ weight * softmax - Σ weight at the target)`.
    fn replace_by_gradient(&mut self, targets: &[Target], scale: f32) {
        let (vocabulary, first_row) = (self.vocabulary(), self.first_row);
        self.values.par_chunks_mut(vocabulary).zip(&self.normalisers).enumerate().for_each(
            |(row, (logits, normaliser))| {
                let here = targets.iter().filter(|target| target.row == first_row + row);
                let total: f32 = here.clone().map(|target| target.weight * scale).sum();
                scaled_softmax(logits, *normaliser, total);
                for target in here {
                    logits[target.token as usize] -= target.weight * scale;
                }
            },
        );
    }
}

fn log_sum_exp(logits: &[f32]) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Chunks are summed in f64: a vocabulary is long enough for f32 to lose digits.
    let total: f64 = logits.chunks(1024).map(|chunk| f64::from(sum_of_exponentials(chunk, highest))).sum();
    highest + total.ln() as f32
}

vectorised! {
    fn sum_of_exponentials(values: &[f32], shift: f32) -> f32 {
        let mut lanes = [0.0_f32; 16];
        let chunks = values.chunks_exact(16);
        let mut tail = 0.0;
        for value in chunks.remainder() {
            tail += exp(*value - shift);
        }
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += exp(chunk[lane] - shift);
            }
        }
        lanes.iter().sum::<f32>() + tail
    }

    fn scaled_softmax(logits: &mut [f32], normaliser: f32, scale: f32) {
        for logit in logits {
            *logit = exp(*logit - normaliser) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 6;
    const VOCABULARY: usize = 50;

    fn case() -> (Vec<f32>, Vec<f32>, Vec<Target>) {
        let value = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 40.0;
        let targets = (0..40)
            .flat_map(|row| {
                let target = |token, weight| Target { row, token, weight };
                [target((row * 3 % VOCABULARY) as u32, 1.0), target(7, 0.25)]
            })
            .collect();
        (
            (0..VOCABULARY * WIDTH).map(value).collect(),
            (0..40 * WIDTH).map(|i| value(i + 5)).collect(),
            targets,
        )
    }

    fn reference_loss(projection: &[f32], hidden: &[f32], targets: &[Target]) -> f64 {
        let term = |target: &Target| {
            let h = &hidden[target.row * WIDTH..][..WIDTH];
            let logit = |token: usize| -> f64 {
                (0..WIDTH).map(|i| f64::from(h[i]) * f64::from(projection[token * WIDTH + i])).sum()
            };
            let total: f64 = (0..VOCABULARY).map(|token| logit(token).exp()).sum();
            -f64::from(target.weight) * (logit(target.token as usize) - total.ln())
        };
        targets.iter().map(term).sum()
    }

    #[test]
    fn loss_and_gradient_match_the_definition() {
        let (projection, hidden, targets) = case();
        let cross_entropy = CrossEntropy { projection: &projection, width: WIDTH };
        let mut d_hidden = vec![0.0; hidden.len()];
        let log_probabilities = cross_entropy.backward(&hidden, &targets, 0.5, &mut d_hidden);
        assert_eq!(log_probabilities, cross_entropy.log_probabilities(&hidden, &targets));
        let loss: f64 = targets.iter().zip(&log_probabilities).map(|(t, p)| -f64::from(t.weight * p)).sum();
        assert!((loss - reference_loss(&projection, &hidden, &targets)).abs() < 1e-3);
        for i in (0..hidden.len()).step_by(7) {
            let at = |delta: f32| {
                let mut moved = hidden.clone();
                moved[i] += delta;
                0.5 * reference_loss(&projection, &moved, &targets)
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(d_hidden[i]) - expected).abs() < 1e-3, "element {i}");
        }
    }
}
