//! Cross-entropy fused with the output projection, in chunks of rows: the logits of a whole batch never
//! exist at once. Logits are f32 in a block of the cache; what stays of a chunk of rows is
//! e^(logit - highest of the row's block), in bf16 precise to 1/256 whatever the logits' size.

use rayon::prelude::*;

use crate::matrix::{Matrix, View};
use crate::matrix_mut::MatrixMut;
use crate::number::{Number, round};
use crate::product::{self, Accumulate, Interleaved, Left, Packed, Product, Right, Term, multiply};
use crate::reduce::{exponentials, maximum, scale_numbers, sum_of_exponentials};
use crate::scratch::with_scratch;
use crate::shared::SharedSlice;
use crate::simd::exp;
use crate::weight::WeightView;

/// Memory for the weights of the rows that exist at one time, in bytes a word of the vocabulary.
const BYTES: usize = 512;
/// Words of the vocabulary that one task handles.
const BLOCK: usize = 256;

fn most_rows<N>() -> usize {
    BYTES / size_of::<N>()
}

/// A token that a row is asked to predict. Several targets may share a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetToken {
    /// Row of the hidden states.
    pub row: usize,
    /// The token.
    pub token: u32,
    /// Its weight in the loss.
    pub weight: f32,
}

/// The output projection.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy<'a, N> {
    /// `[vocabulary, width]`.
    pub projection: WeightView<'a, N>,
}

impl<N: Number> CrossEntropy<'_, N> {
    /// Logarithms of the probabilities of the targets, in their order. `targets` must be ordered by row
    /// and `hidden` is `[rows, width]`.
    pub fn log_probabilities(&self, hidden: &Matrix<N>, targets: &[TargetToken]) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        let mut chunk = SoftmaxChunk::default();
        self.for_each_chunk((hidden, targets), &mut chunk, false, |chunk, _| {
            all.extend(&chunk.log_probabilities);
        });
        all
    }

    /// As [`Self::log_probabilities`]; also writes the gradient of
    /// `-scale * Σ weight * log_probability` with respect to `hidden` into the first slice, and adds that
    /// with respect to the projection to the second, `[vocabulary, width]`, where one is given.
    pub fn backward(
        &self,
        (hidden, targets): (&Matrix<N>, &[TargetToken]),
        scale: f32,
        (d_hidden, mut d_projection): (&mut [f32], Option<&mut [f32]>),
        chunk: &mut SoftmaxChunk<N>,
    ) -> Vec<f32> {
        let mut all = Vec::with_capacity(targets.len());
        let width = hidden.cols();
        self.for_each_chunk((hidden, targets), chunk, true, |chunk, targets| {
            all.extend(&chunk.log_probabilities);
            chunk.replace_by_gradient(targets, scale);
            let rows = chunk.weights.rows();
            let d_rows = &mut d_hidden[chunk.first_row * width..][..rows * width];
            let target = product::Target::Overwrite(MatrixMut::new(d_rows, rows, width));
            let left = Left::Rows(chunk.weights.view());
            let terms = vec![Term { left, right: self.projection.by_columns() }];
            multiply(&mut [Product { target, terms }]);
            if let Some(d_projection) = d_projection.as_deref_mut() {
                chunk.woven.copy_from(chunk.weights.view());
                let into = MatrixMut::new(d_projection, self.projection.height(), width);
                let right = Right::Columns(hidden.view().rows(chunk.first_row..chunk.first_row + rows));
                let terms = vec![Term { left: Left::Columns(chunk.woven.view()), right }];
                multiply(&mut [Product { target: product::Target::Add(into), terms }]);
            }
        });
        all
    }

    /// The logits of every row, `[rows, vocabulary]`. For a few rows only.
    pub fn logits(&self, hidden: &Matrix<N>) -> Vec<f32> {
        let mut logits = vec![0.0; hidden.rows() * self.projection.height()];
        let target =
            product::Target::Overwrite(MatrixMut::new(&mut logits, hidden.rows(), self.projection.height()));
        let terms = vec![Term { left: Left::Rows(hidden.view()), right: self.projection.by_rows() }];
        multiply(&mut [Product { target, terms }]);
        logits
    }

    /// Bytes that the softmax of some of so many rows takes, at the most: with its weights for a backward
    /// pass, or without. A trained projection takes as much again for its gradient.
    pub fn chunk_bytes(rows: usize, vocabulary: usize, backward: bool) -> usize {
        let rows = rows.min(most_rows::<N>());
        let sums = 2 * vocabulary.div_ceil(BLOCK) * size_of::<f32>();
        rows * if backward { sums + Matrix::<N>::stride_of(vocabulary) * size_of::<N>() } else { sums }
    }

    /// Bytes that each thread keeps for itself.
    pub fn scratch_bytes(rows: usize, width: usize) -> usize {
        let words = BLOCK * Matrix::<N>::stride_of(width) * size_of::<N>();
        words + rows.min(most_rows::<N>()) * BLOCK * size_of::<f32>()
    }

    fn for_each_chunk(
        &self,
        (hidden, targets): (&Matrix<N>, &[TargetToken]),
        chunk: &mut SoftmaxChunk<N>,
        keep_weights: bool,
        mut visit: impl FnMut(&mut SoftmaxChunk<N>, &[TargetToken]),
    ) {
        assert!(targets.is_sorted_by_key(|target| target.row), "targets ordered by row");
        let most_rows = most_rows::<N>();
        for first_row in (0..hidden.rows()).step_by(most_rows) {
            let rows = first_row..hidden.rows().min(first_row + most_rows);
            let from = targets.partition_point(|target| target.row < rows.start);
            let to = targets.partition_point(|target| target.row < rows.end);
            chunk.first_row = first_row;
            chunk.compute(self.projection, hidden.view().rows(rows), &targets[from..to], keep_weights);
            visit(chunk, &targets[from..to]);
        }
    }
}

/// The softmax of some rows in parts, in memory that is used from one call to the next. For each row and
/// block of the vocabulary: the highest logit, and the sum of e^(logit - highest).
#[derive(Debug, Default)]
pub struct SoftmaxChunk<N> {
    first_row: usize,
    /// `[rows, vocabulary]`, e^(logit - highest of the block), where they are kept.
    weights: Matrix<N>,
    /// The gradient of the logits, for that of a trained projection.
    woven: Interleaved<N>,
    /// `[blocks, rows]` each.
    highest: Vec<f32>,
    sums: Vec<f32>,
    /// Logarithm of the softmax's denominator of each row.
    normalisers: Vec<f32>,
    log_probabilities: Vec<f32>,
}

/// What a thread needs for one block of the vocabulary.
#[derive(Default)]
struct Scratch<N> {
    words: Packed<N>,
    logits: Vec<f32>,
}

impl<N: Number> SoftmaxChunk<N> {
    fn compute(
        &mut self,
        projection: WeightView<'_, N>,
        hidden: View<'_, N>,
        targets: &[TargetToken],
        keep_weights: bool,
    ) {
        let (rows, vocabulary) = (hidden.rows, projection.height());
        let blocks = vocabulary.div_ceil(BLOCK);
        let buffer = std::mem::take(&mut self.weights).into_buffer();
        self.weights = if keep_weights { Matrix::over(buffer, rows, vocabulary) } else { Matrix::default() };
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
                with_scratch(|Scratch { words: packed, logits }: &mut Scratch<N>| {
                    packed.pack(projection.rows(words.clone()).by_rows());
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
                            sums[row] = exponentials(logits, highest[row]);
                            round(logits, weights);
                        } else {
                            sums[row] = sum_of_exponentials(logits, highest[row]);
                        }
                    }
                });
            });
        self.normalise(rows, targets);
    }

    /// Puts the blocks together.
    fn normalise(&mut self, rows: usize, targets: &[TargetToken]) {
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
    fn replace_by_gradient(&mut self, targets: &[TargetToken], scale: f32) {
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
                scale_numbers(weights, factor(block));
            }
            for (target, value) in targets.iter().zip(at_targets) {
                weights[target.token as usize] = N::from_f32(value);
            }
        });
    }
}

#[cfg(test)]
mod tests;
