//! Attention forward: softmax(Q Kᵀ / √d) V by blocks of query rows.

use rayon::prelude::*;

use super::{BLOCK, Inputs, Segment, visible_columns};
use crate::gemm::{Accumulate, multiply_serial};
use crate::matrix::{Matrix, MatrixMut};
use crate::shared::SharedSlice;
use crate::simd::{exp, vectorised};

/// Writes the attention output `[rows, heads.query * dim]` and, for the backward pass, the logarithm of
/// each softmax's denominator `[rows, heads.query]`.
pub fn attention(inputs: Inputs<'_>, output: &mut [f32], log_sums: &mut [f32]) {
    let heads = inputs.heads;
    let (output, log_sums) = (SharedSlice::new(output), SharedSlice::new(log_sums));
    let blocks: Vec<(&Segment, usize)> = inputs
        .segments
        .iter()
        .flat_map(|segment| (0..segment.rows.len()).step_by(BLOCK).map(move |first| (segment, first)))
        .collect();
    blocks.par_iter().for_each(|&(segment, first)| {
        let rows = BLOCK.min(segment.rows.len() - first);
        let width = segment.prefix_length() + first + rows;
        let mut scores = vec![0.0; rows * width];
        for head in 0..heads.query {
            let row = segment.rows.start + first;
            // SAFETY: blocks are disjoint rows, heads are disjoint columns, and one task does one block.
            #[expect(unsafe_code, reason = "disjoint parts of the outputs")]
            let (out, mut sums) = unsafe {
                (
                    output.matrix(
                        (row * heads.query + head) * heads.dim,
                        rows,
                        heads.dim,
                        heads.query * heads.dim,
                    ),
                    log_sums.matrix(row * heads.query + head, rows, 1, heads.query),
                )
            };
            block_scores(&inputs, segment, first, head, &mut scores);
            for (i, row) in scores.chunks_mut(width).enumerate() {
                sums.row(i)[0] = softmax(row, visible_columns(segment, first + i, inputs.window));
            }
            weighted_values(&inputs, segment, head, &scores, (rows, first + rows), out);
        }
    });
}

/// Fills `scores` (rows of the block x key columns) with Q Kᵀ / √d, before masking.
pub(super) fn block_scores(
    inputs: &Inputs<'_>,
    segment: &Segment,
    first: usize,
    head: usize,
    scores: &mut [f32],
) {
    let rows = BLOCK.min(segment.rows.len() - first);
    let width = scores.len() / rows;
    let row = segment.rows.start + first;
    let queries = query_head(inputs, inputs.queries, head).rows(row..row + rows);
    let scale = 1.0 / (inputs.heads.dim as f32).sqrt();
    for (range, column) in segment.key_columns(first + rows) {
        let block = MatrixMut::new(scores, rows, width).into_cols(column..column + range.len());
        let keys = key_value_head(inputs, inputs.keys, head).rows(range);
        multiply_serial(block, queries, keys.transposed(), scale, Accumulate::Overwrite);
    }
}

fn weighted_values(
    inputs: &Inputs<'_>,
    segment: &Segment,
    head: usize,
    weights: &[f32],
    (rows, own_limit): (usize, usize),
    mut output: MatrixMut<'_>,
) {
    let weights = Matrix::new(weights, rows, weights.len() / rows);
    let mut accumulate = Accumulate::Overwrite;
    for (range, column) in segment.key_columns(own_limit) {
        let values = key_value_head(inputs, inputs.values, head).rows(range.clone());
        let weights = weights.cols(column..column + range.len());
        multiply_serial(output.reborrow(), weights, values, 1.0, accumulate);
        accumulate = Accumulate::Add;
    }
}

/// One query head of a `[rows, heads.query * dim]` buffer.
pub(super) fn query_head<'a>(inputs: &Inputs<'_>, data: &'a [f32], head: usize) -> Matrix<'a> {
    let (dim, width) = (inputs.heads.dim, inputs.heads.query * inputs.heads.dim);
    Matrix::new(data, data.len() / width, width).cols(head * dim..(head + 1) * dim)
}

/// The key/value head that a query head uses, of a `[key rows, heads.key_value * dim]` buffer.
pub(super) fn key_value_head<'a>(inputs: &Inputs<'_>, data: &'a [f32], head: usize) -> Matrix<'a> {
    let (dim, width) = (inputs.heads.dim, inputs.heads.key_value * inputs.heads.dim);
    let head = head / inputs.heads.group();
    Matrix::new(data, data.len() / width, width).cols(head * dim..(head + 1) * dim)
}

/// Softmax over the visible columns, zero elsewhere; returns the logarithm of the denominator.
fn softmax(scores: &mut [f32], visible: std::ops::Range<usize>) -> f32 {
    scores[..visible.start].fill(0.0);
    scores[visible.end..].fill(0.0);
    let seen = &mut scores[visible];
    let highest = maximum(seen);
    let total = exponentials(seen, highest);
    scale(seen, 1.0 / total);
    highest + total.ln()
}

vectorised! {
    pub(super) fn maximum(values: &[f32]) -> f32 {
        values.iter().fold(f32::NEG_INFINITY, |highest, value| if *value > highest { *value } else { highest })
    }

    /// Replaces each value by e^(value - shift) and returns their sum.
    pub(super) fn exponentials(values: &mut [f32], shift: f32) -> f32 {
        for value in values.iter_mut() {
            *value = exp(*value - shift);
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

    fn scale(values: &mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }
}
