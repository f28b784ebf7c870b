//! Cross-entropy with a bf16 projection. Logits are f32 in a block of the cache; what stays of a chunk of
//! rows is e^(logit - highest of the row's block) in bf16, precise to 1/256 whatever the logits' size.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{Target, sum_of_exponentials};
use crate::bf16::{
    Bf16, Bf16Matrix, Bf16View, Left, Packed, Product, Right, Target as ProductTarget, Term, multiply_bf16,
};
use crate::gemm::Accumulate;
use crate::matrix::MatrixMut;
use crate::shared::SharedSlice;
use crate::simd::{exp, vectorised};

/// Rows whose weights exist at one time.
const ROWS: usize = 256;
/// Words of the vocabulary that one task handles.
const BLOCK: usize = 256;

/// The output projection in bf16.
#[derive(Debug, Clone, Copy)]
pub struct Bf16CrossEntropy<'a> {
    /// `[vocabulary, width]`.
    pub projection: Bf16View<'a>,
}

impl Bf16CrossEntropy<'_> {
    /// As [`super::CrossEntropy::log_probabilities`].
    pub fn log_probabilities(&self, hidden: &Bf16Matrix, targets: &[Target]) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        self.for_each_chunk(hidden, targets, false, |chunk, _| all.extend(&chunk.log_probabilities));
        all
    }

    /// As [`super::CrossEntropy::backward`].
    pub fn backward(
        &self,
        hidden: &Bf16Matrix,
        targets: &[Target],
        scale: f32,
        d_hidden: &mut [f32],
    ) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        let width = hidden.cols();
        self.for_each_chunk(hidden, targets, true, |chunk, targets| {
            all.extend(&chunk.log_probabilities);
            chunk.replace_by_gradient(targets, scale);
            let rows = chunk.weights.rows();
            let d_rows = &mut d_hidden[chunk.first_row * width..][..rows * width];
            let target = ProductTarget::Overwrite(MatrixMut::new(d_rows, rows, width));
            let left = Left::Rows(chunk.weights.view());
            let terms = vec![Term { left, right: Right::Columns(self.projection) }];
            multiply_bf16(&mut [Product { target, terms }]);
        });
        all
    }

    /// The logits of every row, `[rows, vocabulary]`. For a few rows only.
    pub fn logits(&self, hidden: &Bf16Matrix) -> Vec<f32> {
        let mut logits = vec![0.0; hidden.rows() * self.projection.rows];
        let target =
            ProductTarget::Overwrite(MatrixMut::new(&mut logits, hidden.rows(), self.projection.rows));
        let terms = vec![Term { left: Left::Rows(hidden.view()), right: Right::Rows(self.projection) }];
        multiply_bf16(&mut [Product { target, terms }]);
        logits
    }

    fn for_each_chunk(
        &self,
        hidden: &Bf16Matrix,
        targets: &[Target],
        keep_weights: bool,
        mut visit: impl FnMut(&mut Chunk, &[Target]),
    ) {
        assert!(targets.is_sorted_by_key(|target| target.row), "targets ordered by row");
        let mut chunk = Chunk::default();
        for first_row in (0..hidden.rows()).step_by(ROWS) {
            let rows = first_row..hidden.rows().min(first_row + ROWS);
            let from = targets.partition_point(|target| target.row < rows.start);
            let to = targets.partition_point(|target| target.row < rows.end);
            chunk.first_row = first_row;
            chunk.compute(self.projection, hidden.view().rows(rows), &targets[from..to], keep_weights);
            visit(&mut chunk, &targets[from..to]);
        }
    }
}

/// The softmax of some rows in parts. For each row and block of the vocabulary: the highest logit, and
/// the sum of e^(logit - highest).
#[derive(Default)]
struct Chunk {
    first_row: usize,
    /// `[rows, vocabulary]`, e^(logit - highest of the block), where they are kept.
    weights: Bf16Matrix,
    /// `[blocks, rows]` each.
    highest: Vec<f32>,
    sums: Vec<f32>,
    /// Logarithm of the softmax's denominator of each row.
    normalisers: Vec<f32>,
    log_probabilities: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<(Packed, Vec<f32>)> = RefCell::default();
}

impl Chunk {
    fn compute(
        &mut self,
        projection: Bf16View<'_>,
        hidden: Bf16View<'_>,
        targets: &[Target],
        keep_weights: bool,
    ) {
        let (rows, vocabulary) = (hidden.rows, projection.rows);
        let blocks = vocabulary.div_ceil(BLOCK);
        let buffer = std::mem::take(&mut self.weights).into_buffer();
        self.weights =
            if keep_weights { Bf16Matrix::over(buffer, rows, vocabulary) } else { Bf16Matrix::default() };
        self.highest.resize(blocks * rows, 0.0);
        self.sums.resize(blocks * rows, 0.0);
        self.log_probabilities.clear();
        self.log_probabilities.resize(targets.len(), 0.0);
        let stride = self.weights.stride();
        let weights = SharedSlice::new(self.weights.data_mut());
        let target_logits = SharedSlice::new(&mut self.log_probabilities);
        self.highest
            .par_chunks_mut(rows)
            .zip(self.sums.par_chunks_mut(rows))
            .with_max_len(1)
            .enumerate()
            .for_each(|(block, (highest, sums))| {
                let words = block * BLOCK..vocabulary.min((block + 1) * BLOCK);
                let width = words.len();
                SCRATCH.with_borrow_mut(|(packed, logits)| {
                    packed.pack(Right::Rows(projection.rows(words.clone())));
                    logits.resize(rows * width, 0.0);
                    let into = MatrixMut::new(logits, rows, width);
                    packed.multiply(Left::Rows(hidden), into, Accumulate::Overwrite);
                    for (i, target) in targets.iter().enumerate() {
                        if words.contains(&(target.token as usize)) {
                            let row = target.row - self.first_row;
                            // SAFETY: a word is in one block, so each target is written by one task.
                            #[expect(unsafe_code, reason = "disjoint parts of the target logits")]
                            let to = unsafe { target_logits.part(i, 1) };
                            to[0] = logits[row * width + target.token as usize - words.start];
                        }
                    }
                    for (row, logits) in logits.chunks_mut(width).enumerate() {
                        highest[row] = maximum(logits);
                        if keep_weights {
                            // SAFETY: blocks are disjoint ranges of columns.
                            #[expect(unsafe_code, reason = "disjoint parts of the weights")]
                            let weights = unsafe { weights.part(row * stride + words.start, width) };
                            sums[row] = exponentials(logits, highest[row], weights);
                        } else {
                            sums[row] = sum_of_exponentials(logits, highest[row]);
                        }
                    }
                });
            });
        self.normalise(rows, targets);
    }

    /// Puts the blocks together.
    fn normalise(&mut self, rows: usize, targets: &[Target]) {
        let normaliser = |row: usize| {
            let column =
                |values: &'_ [f32]| values.iter().skip(row).step_by(rows).copied().collect::<Vec<_>>();
            let (highest, sums) = (column(&self.highest), column(&self.sums));
            let top = highest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let parts = highest.iter().zip(&sums).map(|(high, sum)| f64::from(sum * exp(high - top)));
            top + parts.sum::<f64>().ln() as f32
        };
        self.normalisers = (0..rows).into_par_iter().map(normaliser).collect();
        for (logit, target) in self.log_probabilities.iter_mut().zip(targets) {
            *logit -= self.normalisers[target.row - self.first_row];
        }
    }

    /// Each row of weights becomes `scale * (Σ weight * softmax - Σ weight at the target)`.
    fn replace_by_gradient(&mut self, targets: &[Target], scale: f32) {
        let (rows, stride, vocabulary) = (self.weights.rows(), self.weights.stride(), self.weights.cols());
        let (highest, normalisers, first_row) = (&self.highest, &self.normalisers, self.first_row);
        self.weights.data_mut().par_chunks_mut(stride).enumerate().for_each(|(row, weights)| {
            let from = targets.partition_point(|target| target.row < first_row + row);
            let to = targets.partition_point(|target| target.row <= first_row + row);
            let targets = &targets[from..to];
            let total: f32 = targets.iter().map(|target| target.weight * scale).sum();
            let factor = |block: usize| exp(highest[block * rows + row] - normalisers[row]) * total;
            let at_targets: Vec<f32> = targets
                .iter()
                .map(|target| {
                    let token = target.token as usize;
                    let here = targets.iter().filter(|other| other.token == target.token);
                    let pull: f32 = here.map(|other| other.weight * scale).sum();
                    weights[token].to_f32() * factor(token / BLOCK) - pull
                })
                .collect();
            for (block, weights) in weights[..vocabulary].chunks_mut(BLOCK).enumerate() {
                scale_bf16(weights, factor(block));
            }
            for (target, value) in targets.iter().zip(at_targets) {
                weights[target.token as usize] = Bf16::from_f32(value);
            }
        });
    }
}

vectorised! {
    fn maximum(values: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; 16];
        let chunks = values.chunks_exact(16);
        let mut highest = f32::NEG_INFINITY;
        for value in chunks.remainder() {
            highest = if *value > highest { *value } else { highest };
        }
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
            }
        }
        lanes.iter().fold(highest, |highest, value| if *value > highest { *value } else { highest })
    }

    /// Writes e^(value - shift) and returns the sum, taken before rounding.
    fn exponentials(values: &mut [f32], shift: f32, rounded: &mut [Bf16]) -> f32 {
        for (value, rounded) in values.iter_mut().zip(rounded) {
            *value = exp(*value - shift);
            *rounded = Bf16::from_f32(*value);
        }
        let mut lanes = [0.0_f32; 16];
        let chunks = values.chunks_exact(16);
        let tail: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += chunk[lane];
            }
        }
        lanes.iter().sum::<f32>() + tail
    }

    fn scale_bf16(values: &mut [Bf16], factor: f32) {
        for value in values {
            *value = Bf16::from_f32(value.to_f32() * factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CrossEntropy;
    use super::*;
    use crate::bf16::widen_from_bf16;

    const WIDTH: usize = 6;
    const VOCABULARY: usize = 700;
    const ROWS: usize = 300;

    fn matrix(rows: usize, factor: usize, size: f32) -> (Vec<f32>, Bf16Matrix) {
        let value = |i: usize| ((i * factor % 101) as f32 - 50.0) / 50.0 * size;
        let values: Vec<f32> = (0..rows * WIDTH).map(value).collect();
        let matrix = Bf16Matrix::from_f32(&values, rows, WIDTH);
        let mut exact = vec![0.0; rows * WIDTH];
        widen_from_bf16(matrix.data(), &mut exact);
        (exact, matrix)
    }

    /// Two targets on most rows, twice the same on some, none on every fifth.
    fn targets() -> Vec<Target> {
        let rows = (0..ROWS).filter(|row| row % 5 != 0);
        let target = |row, token: usize, weight| Target { row, token: token as u32, weight };
        rows.flat_map(|row| {
            [target(row, row * 37 % VOCABULARY, 1.0), target(row, row * 74 % VOCABULARY, 0.25)]
        })
        .collect()
    }

    #[test]
    fn probabilities_and_gradients_are_those_of_f32_up_to_rounding() {
        let ((projection, projection_bf16), (hidden, hidden_bf16)) =
            (matrix(VOCABULARY, 37, 3.0), matrix(ROWS, 53, 4.0));
        let targets = targets();
        let exact = CrossEntropy { projection: &projection, width: WIDTH };
        let rounded = Bf16CrossEntropy { projection: projection_bf16.view() };
        let (mut expected_gradient, mut gradient) = (vec![9.0; ROWS * WIDTH], vec![9.0; ROWS * WIDTH]);
        let expected = exact.backward(&hidden, &targets, 0.5, &mut expected_gradient);
        let got = rounded.backward(&hidden_bf16, &targets, 0.5, &mut gradient);
        assert_eq!(got, rounded.log_probabilities(&hidden_bf16, &targets));
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
        for (got, expected) in gradient.iter().zip(&expected_gradient) {
            assert!((got - expected).abs() < 0.02, "{got} {expected}");
        }
    }

    #[test]
    fn the_bits_are_the_same_on_one_and_on_two_threads() {
        let (projection, hidden) = (matrix(VOCABULARY, 37, 1.0).1, matrix(ROWS, 53, 1.0).1);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut gradient = vec![0.0; ROWS * WIDTH];
            let cross_entropy = Bf16CrossEntropy { projection: projection.view() };
            let all = pool.install(|| cross_entropy.backward(&hidden, &targets(), 0.5, &mut gradient));
            (all, gradient)
        };
        assert!(run(1) == run(2));
    }
}
