//! Forward: one task computes one query head of one segment, by blocks of rows.

use std::cell::RefCell;

use rayon::prelude::*;

use super::super::forward::{exponentials, maximum};
use super::super::{BLOCK, Segment, visible_columns};
use super::{Bf16Inputs, sized};
use crate::bf16::{Bf16, Bf16Matrix, Left, Packed, Right, round_to_bf16};
use crate::gemm::Accumulate;
use crate::matrix::MatrixMut;
use crate::shared::SharedSlice;
use crate::simd::vectorised;

#[derive(Default)]
struct Scratch {
    gathered: Bf16Matrix,
    keys: Packed,
    values: Packed,
    scores: Vec<f32>,
    weights: Bf16Matrix,
    output: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Writes the attention output `[rows, heads.query * dim]` and, for the backward pass, the logarithm of
/// each softmax's denominator `[rows, heads.query]`.
pub fn attention_bf16(inputs: Bf16Inputs<'_>, output: &mut Bf16Matrix, log_sums: &mut [f32]) {
    let stride = output.stride();
    let (output, log_sums) = (SharedSlice::new(output.data_mut()), SharedSlice::new(log_sums));
    let tasks: Vec<(&Segment, usize)> = inputs
        .segments
        .iter()
        .flat_map(|segment| (0..inputs.heads.query).map(move |head| (segment, head)))
        .collect();
    tasks.par_iter().with_max_len(1).for_each(|&(segment, head)| {
        SCRATCH.with_borrow_mut(|scratch| {
            let key_value_head = head / inputs.heads.group();
            inputs.gather(inputs.keys, segment, key_value_head, &mut scratch.gathered);
            scratch.keys.pack(Right::Rows(scratch.gathered.view()));
            inputs.gather(inputs.values, segment, key_value_head, &mut scratch.gathered);
            scratch.values.pack(Right::Columns(scratch.gathered.view()));
            for first in (0..segment.rows.len()).step_by(BLOCK) {
                block(&inputs, (segment, first, head), scratch, (&output, stride), &log_sums);
            }
        });
    });
}

fn block(
    inputs: &Bf16Inputs<'_>,
    (segment, first, head): (&Segment, usize, usize),
    scratch: &mut Scratch,
    (output, stride): (&SharedSlice<'_, Bf16>, usize),
    log_sums: &SharedSlice<'_, f32>,
) {
    let dim = inputs.heads.dim;
    let rows = BLOCK.min(segment.rows.len() - first);
    let width = segment.prefix_length() + first + rows;
    let row = segment.rows.start + first;
    let scores = sized(&mut scratch.scores, rows * width);
    let queries = inputs.query_head(inputs.queries, head).rows(row..row + rows);
    let target = MatrixMut::new(scores, rows, width);
    scratch.keys.multiply(Left::Rows(queries), target, Accumulate::Overwrite);

    let mut weights = Bf16Matrix::over(std::mem::take(&mut scratch.weights).into_buffer(), rows, width);
    let weights_stride = weights.stride();
    let mut denominators = [0.0; BLOCK];
    let rounded = weights.data_mut().chunks_mut(weights_stride);
    for (i, (scores, rounded)) in scores.chunks_mut(width).zip(rounded).enumerate() {
        let visible = visible_columns(segment, first + i, inputs.window);
        scores[..visible.start].fill(0.0);
        scores[visible.end..].fill(0.0);
        let seen = &mut scores[visible];
        scale(seen, inputs.scale());
        let highest = maximum(seen);
        denominators[i] = exponentials(seen, highest);
        round_to_bf16(scores, rounded);
        // SAFETY: one task does one head of one segment.
        #[expect(unsafe_code, reason = "disjoint parts of the sums")]
        unsafe {
            log_sums.part((row + i) * inputs.heads.query + head, 1)[0] = highest + denominators[i].ln();
        }
    }

    let sums = sized(&mut scratch.output, rows * dim);
    let target = MatrixMut::new(sums, rows, dim);
    scratch.values.multiply(Left::Rows(weights.view()), target, Accumulate::Overwrite);
    for (i, sums) in sums.chunks_mut(dim).enumerate() {
        scale(sums, 1.0 / denominators[i]);
        // SAFETY: one task does one head of one segment.
        #[expect(unsafe_code, reason = "disjoint parts of the output")]
        let to = unsafe { output.part((row + i) * stride + head * dim, dim) };
        round_to_bf16(sums, to);
    }
    scratch.weights = weights;
}

vectorised! {
    fn scale(values: &mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }
}
