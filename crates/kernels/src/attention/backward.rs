//! Backward: one task computes one key/value head of one tree of segments. The softmax is recomputed from
//! its stored denominator, block by block (Dao et al. 2022, algorithm 4, without the tiling over keys).

use std::ops::Range;

use rayon::prelude::*;

use super::{BLOCK, Inputs, Segment, sized, visible_columns};
use crate::matrix::Matrix;
use crate::matrix_mut::MatrixMut;
use crate::number::{Number, dot};
use crate::product::{Accumulate, Interleaved, Left, Packed, Right};
use crate::reduce::{add_assign, exponentials, scale};
use crate::scratch::with_scratch;
use crate::shared::SharedSlice;
use crate::simd::vectorised;

/// Where the gradients go, row-major; shapes as the inputs'. Queries are overwritten, keys and values
/// added to.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// With respect to the queries.
    pub queries: &'a mut [f32],
    /// With respect to the keys.
    pub keys: &'a mut [f32],
    /// With respect to the values.
    pub values: &'a mut [f32],
}

#[derive(Default)]
struct Scratch<N> {
    gathered: Matrix<N>,
    keys_by_rows: Packed<N>,
    keys_by_columns: Packed<N>,
    values_by_rows: Packed<N>,
    queries: Packed<N>,
    d_outputs: Packed<N>,
    weights: Vec<f32>,
    d_scores: Vec<f32>,
    rounded: Matrix<N>,
    woven: Interleaved<N>,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

/// What the forward pass left and the gradient of its output.
#[derive(Clone, Copy)]
struct Saved<'a, N> {
    output: &'a Matrix<N>,
    log_sums: &'a [f32],
    d_output: &'a Matrix<N>,
}

struct Shared<'a> {
    queries: SharedSlice<'a>,
    keys: SharedSlice<'a>,
    values: SharedSlice<'a>,
}

/// Gradients of [`super::attention`], from its outputs. Key rows must be the query rows (no cache), and
/// prefixes lie in the tree of their segment: the segments since the last one without a prefix.
///
/// # Panics
/// Where segments share a row or see another tree, or shapes do not fit.
pub fn attention_backward<N: Number>(
    inputs: Inputs<'_, N>,
    output: &Matrix<N>,
    log_sums: &[f32],
    d_output: &Matrix<N>,
    gradients: Gradients<'_>,
) {
    let heads = inputs.heads;
    inputs.check((output.rows(), output.cols()), log_sums.len());
    assert_eq!((d_output.rows(), d_output.cols()), (output.rows(), output.cols()), "shape of the gradient");
    assert!(trees(inputs.segments).all(sees_itself_alone), "a tree of segments sees its own rows alone");
    let shared = Shared {
        queries: SharedSlice::new(gradients.queries),
        keys: SharedSlice::new(gradients.keys),
        values: SharedSlice::new(gradients.values),
    };
    let saved = Saved { output, log_sums, d_output };
    let in_windows = |tree: &[Segment]| -> Vec<Segment> {
        tree.iter().flat_map(|segment| segment.in_windows(inputs.window)).collect()
    };
    let trees: Vec<Vec<Segment>> = trees(inputs.segments).map(in_windows).collect();
    let tasks: Vec<(&[Segment], usize)> =
        trees.iter().flat_map(|tree| (0..heads.key_value).map(move |head| (&tree[..], head))).collect();
    tasks.par_iter().with_max_len(1).for_each(|&(tree, head)| {
        with_scratch(|scratch: &mut Scratch<N>| {
            for segment in tree {
                segment_backward(&inputs, saved, &shared, (segment, head), scratch);
            }
        });
    });
}

/// Runs of segments that only see keys of their own run. A segment without a prefix starts one.
fn trees(segments: &[Segment]) -> impl Iterator<Item = &[Segment]> {
    segments.chunk_by(|_, next| !next.prefix.is_empty())
}

/// Whether keys and values that a tree sees are those of its rows.
fn sees_itself_alone(tree: &[Segment]) -> bool {
    let rows = tree.first().map_or(0, |first| first.rows.start)..tree.last().map_or(0, |last| last.rows.end);
    let inside = |range: &Range<usize>| rows.start <= range.start && range.end <= rows.end;
    tree.iter().all(|segment| segment.own == segment.rows && segment.prefix.iter().all(inside))
}

/// All the query heads of one key/value head over one segment.
fn segment_backward<N: Number>(
    inputs: &Inputs<'_, N>,
    saved: Saved<'_, N>,
    shared: &Shared<'_>,
    (segment, key_value_head): (&Segment, usize),
    scratch: &mut Scratch<N>,
) {
    let (heads, dim) = (inputs.heads, inputs.heads.dim);
    inputs.gather(inputs.keys, segment, key_value_head, &mut scratch.gathered);
    scratch.keys_by_rows.pack(Right::Rows(scratch.gathered.view()));
    scratch.keys_by_columns.pack(Right::Columns(scratch.gathered.view()));
    inputs.gather(inputs.values, segment, key_value_head, &mut scratch.gathered);
    scratch.values_by_rows.pack(Right::Rows(scratch.gathered.view()));
    let keys = scratch.gathered.rows();
    sized(&mut scratch.d_keys, keys * dim).fill(0.0);
    sized(&mut scratch.d_values, keys * dim).fill(0.0);
    for first in (0..segment.rows.len()).step_by(BLOCK) {
        for head in key_value_head * heads.group()..(key_value_head + 1) * heads.group() {
            block(inputs, saved, shared, (segment, first, head), scratch);
        }
    }
    let ranges = segment.prefix.iter().chain(std::iter::once(&segment.own));
    for (i, row) in ranges.flat_map(Clone::clone).enumerate() {
        let at = row * heads.key_value * dim + key_value_head * dim;
        // SAFETY: a task owns one key/value head (these columns) of all the rows of one tree.
        #[expect(unsafe_code, reason = "disjoint parts of the gradients")]
        unsafe {
            add_assign(shared.keys.part(at, dim), &scratch.d_keys[i * dim..][..dim]);
            add_assign(shared.values.part(at, dim), &scratch.d_values[i * dim..][..dim]);
        }
    }
}

fn block<N: Number>(
    inputs: &Inputs<'_, N>,
    saved: Saved<'_, N>,
    shared: &Shared<'_>,
    (segment, first, head): (&Segment, usize, usize),
    scratch: &mut Scratch<N>,
) {
    let (heads, dim) = (inputs.heads, inputs.heads.dim);
    let rows = BLOCK.min(segment.rows.len() - first);
    let width = segment.prefix_length() + first + rows;
    let row = segment.rows.start + first;
    let of_block = |data| inputs.query_head(data, head).rows(row..row + rows);
    let queries = of_block(inputs.queries);
    let (output, d_output) = (of_block(saved.output.view()), of_block(saved.d_output.view()));

    let weights = sized(&mut scratch.weights, rows * width);
    let target = MatrixMut::new(weights, rows, width);
    scratch.keys_by_rows.multiply(Left::Rows(queries), target, Accumulate::Overwrite);
    let d_scores = sized(&mut scratch.d_scores, rows * width);
    let target = MatrixMut::new(d_scores, rows, width);
    scratch.values_by_rows.multiply(Left::Rows(d_output), target, Accumulate::Overwrite);
    for (i, (weights, d_scores)) in weights.chunks_mut(width).zip(d_scores.chunks_mut(width)).enumerate() {
        let visible = visible_columns(segment, first + i, inputs.window);
        for hidden in [0..visible.start, visible.end..width] {
            weights[hidden.clone()].fill(0.0);
            d_scores[hidden].fill(0.0);
        }
        let (seen, d_seen) = (&mut weights[visible.clone()], &mut d_scores[visible]);
        scale(seen, inputs.scale);
        exponentials(seen, saved.log_sums[(row + i) * heads.query + head]);
        softmax_backward(d_seen, seen, dot(d_output.row(i), output.row(i)));
        scale(d_seen, inputs.scale);
    }

    scratch.woven.round_from(weights, width);
    scratch.d_outputs.pack(Right::Columns(d_output));
    let d_values = MatrixMut::new(&mut scratch.d_values[..width * dim], width, dim);
    scratch.d_outputs.multiply(Left::Columns(scratch.woven.view()), d_values, Accumulate::Add);

    scratch.woven.round_from(d_scores, width);
    scratch.queries.pack(Right::Columns(queries));
    let d_keys = MatrixMut::new(&mut scratch.d_keys[..width * dim], width, dim);
    scratch.queries.multiply(Left::Columns(scratch.woven.view()), d_keys, Accumulate::Add);

    let buffer = std::mem::take(&mut scratch.rounded).into_buffer();
    scratch.rounded = Matrix::over(buffer, rows, width);
    scratch.rounded.round_from(d_scores);
    let stride = heads.query * dim;
    // SAFETY: a task owns the query heads of its key/value head in all the rows of one tree.
    #[expect(unsafe_code, reason = "disjoint parts of the gradients")]
    let d_queries = unsafe { shared.queries.matrix(row * stride + head * dim, rows, dim, stride) };
    scratch.keys_by_columns.multiply(Left::Rows(scratch.rounded.view()), d_queries, Accumulate::Overwrite);
}

vectorised! {
    /// dS = P ∘ (dP − Σ dO∘O), row by row.
    fn softmax_backward(d_scores: &mut [f32], weights: &[f32], row_sum: f32) {
        for (d, p) in d_scores.iter_mut().zip(weights) {
            *d = p * (*d - row_sum);
        }
    }
}
