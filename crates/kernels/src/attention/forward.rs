//! Forward: one task computes one query head of one segment, by blocks of rows. Segments of a single row
//! go their own way.

use rayon::prelude::*;

use super::rows::attention_of_rows;
use super::{BLOCK, Inputs, Segment, sized, visible_columns};
use crate::matrix::Matrix;
use crate::matrix_mut::MatrixMut;
use crate::number::{Number, round};
use crate::product::{Accumulate, Left, Packed, Right};
use crate::reduce::{exponentials, maximum, scale};
use crate::scratch::with_scratch;
use crate::shared::SharedSlice;

#[derive(Default)]
struct Scratch<N> {
    gathered: Matrix<N>,
    keys: Packed<N>,
    values: Packed<N>,
    scores: Vec<f32>,
    weights: Matrix<N>,
    output: Vec<f32>,
}

/// Writes the attention output `[rows, heads.query * dim]` and, for the backward pass, the logarithm of
/// each softmax's denominator `[rows, heads.query]`.
pub fn attention<N: Number>(inputs: Inputs<'_, N>, output: &mut Matrix<N>, log_sums: &mut [f32]) {
    inputs.check((output.rows(), output.cols()), log_sums.len());
    let stride = output.stride();
    let (output, log_sums) = (SharedSlice::new(output.data_mut()), SharedSlice::new(log_sums));
    let (single, long): (Vec<&Segment>, Vec<&Segment>) =
        inputs.segments.iter().partition(|segment| segment.rows.len() == 1);
    attention_of_rows(&inputs, &single, (&output, stride), &log_sums);
    let long: Vec<Segment> = long.into_iter().flat_map(|segment| segment.in_windows(inputs.window)).collect();
    let of_segment = |segment| (0..inputs.heads.query).map(move |head| (segment, head));
    let tasks: Vec<(&Segment, usize)> = long.iter().flat_map(of_segment).collect();
    tasks.par_iter().with_max_len(1).for_each(|&(segment, head)| {
        with_scratch(|scratch: &mut Scratch<N>| {
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

fn block<N: Number>(
    inputs: &Inputs<'_, N>,
    (segment, first, head): (&Segment, usize, usize),
    scratch: &mut Scratch<N>,
    (output, stride): (&SharedSlice<'_, N>, usize),
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

    let mut weights = Matrix::over(std::mem::take(&mut scratch.weights).into_buffer(), rows, width);
    let weights_stride = weights.stride();
    let mut denominators = [0.0; BLOCK];
    let rounded = weights.data_mut().chunks_mut(weights_stride);
    for (i, (scores, rounded)) in scores.chunks_mut(width).zip(rounded).enumerate() {
        let visible = visible_columns(segment, first + i, inputs.window);
        scores[..visible.start].fill(0.0);
        scores[visible.end..].fill(0.0);
        let seen = &mut scores[visible];
        scale(seen, inputs.scale);
        let highest = maximum(seen);
        denominators[i] = exponentials(seen, highest);
        round(scores, &mut rounded[..width]);
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
        round(sums, to);
    }
    scratch.weights = weights;
}
