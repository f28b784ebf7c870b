//! Forward for segments of a single row, as when generating: every key and value is read once, where it
//! lies, and sums go from position to position, so that it does not matter how the rows that are seen
//! are strewn over a cache.

use std::ops::Range;

use rayon::prelude::*;

use super::{Inputs, Segment, sized, visible_columns};
use crate::matrix::View;
use crate::number::{Number, round, widen};
use crate::reduce::{exponentials, maximum, scale};
use crate::scratch::with_scratch;
use crate::shared::SharedSlice;
use crate::simd::{sum_of_lanes, vectorised};

#[derive(Default)]
struct Scratch {
    queries: Vec<f32>,
    weights: Vec<f32>,
    output: Vec<f32>,
}

/// Attention of the segments, each of one row; writes as [`super::attention`].
pub(super) fn attention_of_rows<N: Number>(
    inputs: &Inputs<'_, N>,
    segments: &[&Segment],
    (output, stride): (&SharedSlice<'_, N>, usize),
    log_sums: &SharedSlice<'_, f32>,
) {
    let heads = inputs.heads;
    let tasks = (0..segments.len() * heads.key_value).into_par_iter();
    tasks.for_each(|task| {
        let (segment, head) = (segments[task / heads.key_value], task % heads.key_value);
        let (row, group) = (segment.rows.start, heads.group());
        // SAFETY: one task does the query heads of one key/value head of one row.
        #[expect(unsafe_code, reason = "disjoint parts of the outputs")]
        let (output, log_sums) = unsafe {
            (
                output.part(row * stride + head * group * heads.dim, group * heads.dim),
                log_sums.part(row * heads.query + head * group, group),
            )
        };
        with_scratch(|scratch: &mut Scratch| {
            row_of_heads(inputs, (segment, head), scratch, (output, log_sums))
        });
    });
}

/// The query heads of one row that share a key/value head.
fn row_of_heads<N: Number>(
    inputs: &Inputs<'_, N>,
    (segment, head): (&Segment, usize),
    scratch: &mut Scratch,
    (output, log_sums): (&mut [N], &mut [f32]),
) {
    let (dim, group) = (inputs.heads.dim, inputs.heads.group());
    let columns = head * dim..(head + 1) * dim;
    let visible = visible_columns(segment, 0, inputs.window);
    let seen = visible.len();
    let ranges = visible_rows(segment, visible);

    let queries = sized(&mut scratch.queries, group * dim);
    widen(&inputs.queries.row(segment.rows.start)[head * group * dim..][..group * dim], queries);
    let weights = sized(&mut scratch.weights, group * seen);
    let mut column = 0;
    for rows in &ranges {
        for (query, weights) in queries.chunks(dim).zip(weights.chunks_mut(seen)) {
            scores(
                query,
                inputs.keys,
                rows.clone(),
                columns.clone(),
                &mut weights[column..column + rows.len()],
            );
        }
        column += rows.len();
    }
    for (weights, log_sum) in weights.chunks_mut(seen).zip(log_sums) {
        scale(weights, inputs.scale);
        let highest = maximum(weights);
        let total = exponentials(weights, highest);
        scale(weights, 1.0 / total);
        *log_sum = highest + total.ln();
    }
    let sums = sized(&mut scratch.output, group * dim);
    sums.fill(0.0);
    let mut column = 0;
    for rows in ranges {
        for (sums, weights) in sums.chunks_mut(dim).zip(weights.chunks(seen)) {
            let weights = &weights[column..column + rows.len()];
            add_weighted(weights, inputs.values, rows.clone(), columns.clone(), sums);
        }
        column += rows.len();
    }
    round(sums, output);
}

/// The key rows of those positions.
fn visible_rows(segment: &Segment, visible: Range<usize>) -> Vec<Range<usize>> {
    let own = segment.own.start..segment.own.start + 1;
    let mut position = 0;
    let ranges = segment.prefix.iter().cloned().chain([own]).filter_map(|rows| {
        let positions = position..position + rows.len();
        position = positions.end;
        let from = visible.start.clamp(positions.start, positions.end) - positions.start;
        let to = visible.end.clamp(positions.start, positions.end) - positions.start;
        (from < to).then(|| rows.start + from..rows.start + to)
    });
    ranges.collect()
}

vectorised! {
    /// Inner products of a query with some rows of the keys, each in a fixed order of sixteen lanes.
    fn scores<N: Number>(
        query: &[f32],
        keys: View<'_, N>,
        rows: Range<usize>,
        columns: Range<usize>,
        scores: &mut [f32],
    ) {
        const LANES: usize = 16;
        for (score, row) in scores.iter_mut().zip(rows) {
            let key = &keys.row(row)[columns.start..columns.end];
            let mut lanes = [0.0_f32; LANES];
            let (query_chunks, key_chunks) = (query.chunks_exact(LANES), key.chunks_exact(LANES));
            let rest = query_chunks.remainder().iter().zip(key_chunks.remainder());
            let tail: f32 = rest.map(|(a, b)| a * b.to_f32()).sum();
            for (a, b) in query_chunks.zip(key_chunks) {
                for lane in 0..LANES {
                    lanes[lane] += a[lane] * b[lane].to_f32();
                }
            }
            *score = sum_of_lanes(lanes) + tail;
        }
    }

    /// Adds weight times value for some rows of the values, row by row.
    fn add_weighted<N: Number>(
        weights: &[f32],
        values: View<'_, N>,
        rows: Range<usize>,
        columns: Range<usize>,
        sums: &mut [f32],
    ) {
        const LANES: usize = 64;
        let mut first = 0;
        while first + LANES <= sums.len() {
            let mut lanes = [0.0_f32; LANES];
            lanes.copy_from_slice(&sums[first..first + LANES]);
            for (weight, row) in weights.iter().zip(rows.clone()) {
                let value = &values.row(row)[columns.start + first..columns.start + first + LANES];
                for lane in 0..LANES {
                    lanes[lane] += *weight * value[lane].to_f32();
                }
            }
            sums[first..first + LANES].copy_from_slice(&lanes);
            first += LANES;
        }
        for (weight, row) in weights.iter().zip(rows) {
            let value = &values.row(row)[columns.start + first..columns.end];
            for (sum, value) in sums[first..].iter_mut().zip(value) {
                *sum += *weight * value.to_f32();
            }
        }
    }
}
