//! Backward: one task computes one key/value head of one tree of segments, as in the f32 kernel.

use std::cell::RefCell;

use rayon::prelude::*;

use super::super::backward::{softmax_backward, trees};
use super::super::forward::exponentials;
use super::super::{BLOCK, Gradients, Segment, visible_columns};
use super::{Bf16Inputs, sized};
use crate::bf16::{Bf16Matrix, Interleaved, Left, Packed, Right, dot_bf16};
use crate::gemm::Accumulate;
use crate::matrix::MatrixMut;
use crate::reduce::add_assign;
use crate::shared::SharedSlice;
use crate::simd::vectorised;

#[derive(Default)]
struct Scratch {
    gathered: Bf16Matrix,
    keys_by_rows: Packed,
    keys_by_columns: Packed,
    values_by_rows: Packed,
    queries: Packed,
    d_outputs: Packed,
    weights: Vec<f32>,
    d_scores: Vec<f32>,
    rounded: Bf16Matrix,
    woven: Interleaved,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What the forward pass left and the gradient of its output.
#[derive(Clone, Copy)]
struct Saved<'a> {
    output: &'a Bf16Matrix,
    log_sums: &'a [f32],
    d_output: &'a Bf16Matrix,
}

struct Shared<'a> {
    queries: SharedSlice<'a>,
    keys: SharedSlice<'a>,
    values: SharedSlice<'a>,
}

/// Gradients of [`super::attention_bf16`], from its outputs. Key rows must be the query rows (no cache).
pub fn attention_backward_bf16(
    inputs: Bf16Inputs<'_>,
    output: &Bf16Matrix,
    log_sums: &[f32],
    d_output: &Bf16Matrix,
    gradients: Gradients<'_>,
) {
    let heads = inputs.heads;
    let shared = Shared {
        queries: SharedSlice::new(gradients.queries),
        keys: SharedSlice::new(gradients.keys),
        values: SharedSlice::new(gradients.values),
    };
    let saved = Saved { output, log_sums, d_output };
    let tasks: Vec<(&[Segment], usize)> =
        trees(inputs.segments).flat_map(|tree| (0..heads.key_value).map(move |head| (tree, head))).collect();
    tasks.par_iter().with_max_len(1).for_each(|&(tree, head)| {
        SCRATCH.with_borrow_mut(|scratch| {
            for segment in tree {
                segment_backward(&inputs, saved, &shared, (segment, head), scratch);
            }
        });
    });
}

/// All the query heads of one key/value head over one segment.
fn segment_backward(
    inputs: &Bf16Inputs<'_>,
    saved: Saved<'_>,
    shared: &Shared<'_>,
    (segment, key_value_head): (&Segment, usize),
    scratch: &mut Scratch,
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

fn block(
    inputs: &Bf16Inputs<'_>,
    saved: Saved<'_>,
    shared: &Shared<'_>,
    (segment, first, head): (&Segment, usize, usize),
    scratch: &mut Scratch,
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
        scale(seen, inputs.scale());
        exponentials(seen, saved.log_sums[(row + i) * heads.query + head]);
        softmax_backward(d_seen, seen, dot_bf16(d_output.row(i), output.row(i)));
        scale(d_seen, inputs.scale());
    }

    scratch.woven.round_from(weights, width, 1.0);
    scratch.d_outputs.pack(Right::Columns(d_output));
    let d_values = MatrixMut::new(&mut scratch.d_values[..width * dim], width, dim);
    scratch.d_outputs.multiply(Left::Columns(scratch.woven.view()), d_values, Accumulate::Add);

    scratch.woven.round_from(d_scores, width, 1.0);
    scratch.queries.pack(Right::Columns(queries));
    let d_keys = MatrixMut::new(&mut scratch.d_keys[..width * dim], width, dim);
    scratch.queries.multiply(Left::Columns(scratch.woven.view()), d_keys, Accumulate::Add);

    let buffer = std::mem::take(&mut scratch.rounded).into_buffer();
    scratch.rounded = Bf16Matrix::over(buffer, rows, width);
    scratch.rounded.round_from(d_scores);
    let stride = heads.query * dim;
    // SAFETY: a task owns the query heads of its key/value head in all the rows of one tree.
    #[expect(unsafe_code, reason = "disjoint parts of the gradients")]
    let d_queries = unsafe { shared.queries.matrix(row * stride + head * dim, rows, dim, stride) };
    scratch.keys_by_columns.multiply(Left::Rows(scratch.rounded.view()), d_queries, Accumulate::Overwrite);
}

vectorised! {
    fn scale(values: &mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }
}
