//! Attention backward: the softmax is recomputed from its stored denominator, block by block
//! (Dao et al. 2022, algorithm 4, without the tiling over keys).

use rayon::prelude::*;

use super::forward::{block_scores, exponentials, key_value_head, query_head};
use super::{BLOCK, Inputs, Segment, visible_columns};
use crate::gemm::{Accumulate, multiply_serial};
use crate::matrix::{Matrix, MatrixMut};
use crate::reduce::dot;
use crate::shared::SharedSlice;
use crate::simd::vectorised;

/// Where the gradients go; shapes as the inputs'. Queries are overwritten, keys and values added to.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// With respect to the queries.
    pub queries: &'a mut [f32],
    /// With respect to the keys.
    pub keys: &'a mut [f32],
    /// With respect to the values.
    pub values: &'a mut [f32],
}

/// Gradients of [`super::attention`], from its outputs. Key rows must be the query rows (no cache).
pub fn attention_backward(
    inputs: Inputs<'_>,
    output: &[f32],
    log_sums: &[f32],
    d_output: &[f32],
    gradients: Gradients<'_>,
) {
    let heads = inputs.heads;
    let shared = Shared {
        queries: SharedSlice::new(gradients.queries),
        keys: SharedSlice::new(gradients.keys),
        values: SharedSlice::new(gradients.values),
    };
    let tasks: Vec<(&[Segment], usize)> =
        trees(inputs.segments).flat_map(|tree| (0..heads.key_value).map(move |head| (tree, head))).collect();
    let saved = Saved { output, log_sums, d_output };
    tasks.par_iter().for_each(|&(tree, key_value_head)| {
        for segment in tree {
            for first in (0..segment.rows.len()).step_by(BLOCK) {
                for head in key_value_head * heads.group()..(key_value_head + 1) * heads.group() {
                    backward_block(&inputs, saved, &shared, (segment, first, head));
                }
            }
        }
    });
}

/// Runs of segments that only see keys of their own run. A segment without a prefix starts one.
pub(super) fn trees(segments: &[Segment]) -> impl Iterator<Item = &[Segment]> {
    segments.chunk_by(|_, next| !next.prefix.is_empty())
}

struct Shared<'a> {
    queries: SharedSlice<'a>,
    keys: SharedSlice<'a>,
    values: SharedSlice<'a>,
}

#[derive(Clone, Copy)]
struct Saved<'a> {
    output: &'a [f32],
    log_sums: &'a [f32],
    d_output: &'a [f32],
}

fn backward_block(
    inputs: &Inputs<'_>,
    saved: Saved<'_>,
    shared: &Shared<'_>,
    (segment, first, head): (&Segment, usize, usize),
) {
    let heads = inputs.heads;
    let rows = BLOCK.min(segment.rows.len() - first);
    let width = segment.prefix_length() + first + rows;
    let row = segment.rows.start + first;
    let block = row..row + rows;

    let mut weights = vec![0.0; rows * width];
    block_scores(inputs, segment, first, head, &mut weights);
    for (i, weights) in weights.chunks_mut(width).enumerate() {
        let visible = visible_columns(segment, first + i, inputs.window);
        weights[..visible.start].fill(0.0);
        weights[visible.end..].fill(0.0);
        exponentials(&mut weights[visible], saved.log_sums[(row + i) * heads.query + head]);
    }

    let d_output = query_head(inputs, saved.d_output, head).rows(block.clone());
    let output = query_head(inputs, saved.output, head).rows(block.clone());
    let queries = query_head(inputs, inputs.queries, head).rows(block);
    let columns = segment.key_columns(first + rows);

    let mut d_scores = vec![0.0; rows * width];
    for (range, column) in &columns {
        let target = MatrixMut::new(&mut d_scores, rows, width).into_cols(*column..column + range.len());
        let values = key_value_head(inputs, inputs.values, head).rows(range.clone());
        multiply_serial(target, d_output, values.transposed(), 1.0, Accumulate::Overwrite);
    }
    for (i, (d_scores, weights)) in d_scores.chunks_mut(width).zip(weights.chunks(width)).enumerate() {
        softmax_backward(d_scores, weights, dot(d_output.row(i), output.row(i)));
    }

    let scale = 1.0 / (heads.dim as f32).sqrt();
    let (weights, d_scores) = (Matrix::new(&weights, rows, width), Matrix::new(&d_scores, rows, width));
    let (query_width, key_width) = (heads.query * heads.dim, heads.key_value * heads.dim);
    let mut accumulate = Accumulate::Overwrite;
    for (range, column) in columns {
        let (keys, cols) = (range.len(), column..column + range.len());
        let key_offset = range.start * key_width + head / heads.group() * heads.dim;
        // SAFETY: a task owns one key/value head (these columns) of all the rows of one tree, its
        // query heads included, and uses one matrix of each buffer at a time.
        #[expect(unsafe_code, reason = "disjoint parts of the gradients")]
        let (d_queries, d_keys, d_values) = unsafe {
            (
                shared.queries.matrix(row * query_width + head * heads.dim, rows, heads.dim, query_width),
                shared.keys.matrix(key_offset, keys, heads.dim, key_width),
                shared.values.matrix(key_offset, keys, heads.dim, key_width),
            )
        };
        let (weights, d_scores) = (weights.cols(cols.clone()), d_scores.cols(cols));
        let keys = key_value_head(inputs, inputs.keys, head).rows(range);
        multiply_serial(d_queries, d_scores, keys, scale, accumulate);
        multiply_serial(d_keys, d_scores.transposed(), queries, scale, Accumulate::Add);
        multiply_serial(d_values, weights.transposed(), d_output, 1.0, Accumulate::Add);
        accumulate = Accumulate::Add;
    }
}

vectorised! {
    /// dS = P ∘ (dP − Σ dO∘O), row by row.
    pub(super) fn softmax_backward(d_scores: &mut [f32], weights: &[f32], row_sum: f32) {
        for (d, p) in d_scores.iter_mut().zip(weights) {
            *d = p * (*d - row_sum);
        }
    }
}
