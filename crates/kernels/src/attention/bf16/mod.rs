//! Attention in bf16: queries, keys, values and softmax weights are rounded to bf16 for the products,
//! whose sums, like the softmax itself, are f32.

mod backward;
mod forward;

pub use backward::attention_backward_bf16;
pub use forward::attention_bf16;

use super::{Heads, Segment};
use crate::bf16::{Bf16Matrix, Bf16View};

/// As [`super::Inputs`]: queries `[rows, heads.query * dim]`, keys and values
/// `[key rows, heads.key_value * dim]`.
#[derive(Debug, Clone, Copy)]
pub struct Bf16Inputs<'a> {
    /// Head counts and width.
    pub heads: Heads,
    /// Rotated queries.
    pub queries: Bf16View<'a>,
    /// Rotated keys.
    pub keys: Bf16View<'a>,
    /// Values.
    pub values: Bf16View<'a>,
    /// The segments; together they cover the query rows.
    pub segments: &'a [Segment],
    /// How many positions back a query sees, itself included (sliding-window attention).
    pub window: Option<usize>,
}

impl<'a> Bf16Inputs<'a> {
    fn scale(&self) -> f32 {
        1.0 / (self.heads.dim as f32).sqrt()
    }

    fn query_head(&self, data: Bf16View<'a>, head: usize) -> Bf16View<'a> {
        data.cols(head * self.heads.dim..(head + 1) * self.heads.dim)
    }

    /// The rows of one key/value head that a segment sees, one after the other.
    fn gather(&self, data: Bf16View<'_>, segment: &Segment, head: usize, gathered: &mut Bf16Matrix) {
        let dim = self.heads.dim;
        let buffer = std::mem::take(gathered).into_buffer();
        *gathered = Bf16Matrix::over(buffer, segment.prefix_length() + segment.own.len(), dim);
        let stride = gathered.stride();
        let ranges = segment.prefix.iter().chain(std::iter::once(&segment.own));
        for (to, row) in gathered.data_mut().chunks_mut(stride).zip(ranges.flat_map(Clone::clone)) {
            to[..dim].copy_from_slice(&data.row(row)[head * dim..(head + 1) * dim]);
        }
    }
}

/// Memory for as many numbers as asked, zeros or leftovers.
fn sized(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::{Gradients, Inputs, attention, attention_backward};
    use crate::bf16::widen_from_bf16;

    const HEADS: Heads = Heads { query: 4, key_value: 2, dim: 16 };
    const ROWS: usize = 150;

    /// Numbers that bf16 holds exactly.
    fn numbers(cols: usize, seed: u32) -> (Vec<f32>, Bf16Matrix) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let values: Vec<f32> = (0..ROWS * cols).map(|_| next()).collect();
        let matrix = Bf16Matrix::from_f32(&values, ROWS, cols);
        (widened(&matrix), matrix)
    }

    fn widened(matrix: &Bf16Matrix) -> Vec<f32> {
        let mut values = vec![0.0; matrix.data().len()];
        widen_from_bf16(matrix.data(), &mut values);
        values
    }

    /// Answers that share a prefix of odd length, one that continues another, and a long sequence.
    fn segments() -> Vec<Segment> {
        let segment = |rows: std::ops::Range<usize>, prefix: &[std::ops::Range<usize>]| Segment {
            own: rows.clone(),
            rows,
            prefix: prefix.to_vec(),
        };
        let question = 0..7;
        vec![
            segment(0..7, &[]),
            segment(7..10, std::slice::from_ref(&question)),
            segment(10..15, std::slice::from_ref(&question)),
            segment(15..17, &[question, 10..15]),
            segment(17..ROWS, &[]),
        ]
    }

    fn far_apart(got: &[f32], expected: &[f32]) -> f32 {
        let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
    }

    struct Run {
        output: Vec<f32>,
        log_sums: Vec<f32>,
        gradients: [Vec<f32>; 3],
    }

    fn run_bf16(window: Option<usize>) -> Run {
        let (q, k, v) = (numbers(64, 1).1, numbers(32, 2).1, numbers(32, 3).1);
        let segments = segments();
        let inputs = Bf16Inputs {
            heads: HEADS,
            queries: q.view(),
            keys: k.view(),
            values: v.view(),
            segments: &segments,
            window,
        };
        let (mut output, mut log_sums) = (Bf16Matrix::zeroed(ROWS, 64), vec![0.0; ROWS * 4]);
        attention_bf16(inputs, &mut output, &mut log_sums);
        let d_output = numbers(64, 4).1;
        let mut gradients = [vec![0.0; ROWS * 64], vec![0.0; ROWS * 32], vec![0.0; ROWS * 32]];
        let [queries, keys, values] = &mut gradients;
        let into = Gradients { queries, keys, values };
        attention_backward_bf16(inputs, &output, &log_sums, &d_output, into);
        Run { output: widened(&output), log_sums, gradients }
    }

    fn run_f32(window: Option<usize>) -> Run {
        let (q, k, v) = (numbers(64, 1).0, numbers(32, 2).0, numbers(32, 3).0);
        let segments = segments();
        let inputs = Inputs { heads: HEADS, queries: &q, keys: &k, values: &v, segments: &segments, window };
        let (mut output, mut log_sums) = (vec![0.0; ROWS * 64], vec![0.0; ROWS * 4]);
        attention(inputs, &mut output, &mut log_sums);
        let mut gradients = [vec![0.0; ROWS * 64], vec![0.0; ROWS * 32], vec![0.0; ROWS * 32]];
        let [queries, keys, values] = &mut gradients;
        let into = Gradients { queries, keys, values };
        attention_backward(inputs, &output, &log_sums, &numbers(64, 4).0, into);
        Run { output, log_sums, gradients }
    }

    #[test]
    fn outputs_and_gradients_are_those_of_f32_up_to_rounding() {
        for window in [None, Some(5), Some(70)] {
            let (got, expected) = (run_bf16(window), run_f32(window));
            assert!(far_apart(&got.output, &expected.output) < 0.01, "{window:?}");
            assert!(far_apart(&got.log_sums, &expected.log_sums) < 1e-4, "{window:?}");
            for (got, expected) in got.gradients.iter().zip(&expected.gradients) {
                assert!(far_apart(got, expected) < 0.015, "{window:?} {}", far_apart(got, expected));
            }
        }
    }

    #[test]
    fn attention_has_the_same_bits_on_one_and_on_two_threads() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run_bf16(None))
        };
        let (one, two) = (run(1), run(2));
        assert!(one.output == two.output && one.log_sums == two.log_sums);
        assert!(one.gradients == two.gradients);
    }
}
