//! Causal attention over packed sequences that may share prefixes.
//!
//! The rows of a batch are cut into segments. A segment sees some earlier key rows whole (its prefix:
//! a shared question, or the tokens already in a cache) and its own rows causally. Scores exist for one
//! block of rows and one head at a time, never for a whole sequence squared.

mod backward;
mod bf16;
mod forward;

use std::ops::Range;

pub use backward::{Gradients, attention_backward};
pub use bf16::{Bf16Inputs, attention_backward_bf16, attention_bf16};
pub use forward::attention;

/// Query rows that one block of scores covers.
const BLOCK: usize = 64;

/// Head counts and width. Query heads share key/value heads in equal groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Number of query heads.
    pub query: usize,
    /// Number of key/value heads; divides `query`.
    pub key_value: usize,
    /// Width of a head.
    pub dim: usize,
}

impl Heads {
    fn group(self) -> usize {
        self.query / self.key_value
    }
}

/// A run of query rows with the key rows it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its rows in the queries.
    pub rows: Range<usize>,
    /// Key rows that every one of its rows sees, in order of position.
    pub prefix: Vec<Range<usize>>,
    /// Its own key rows; query row `i` sees the first `i + 1` of them.
    pub own: Range<usize>,
}

impl Segment {
    fn prefix_length(&self) -> usize {
        self.prefix.iter().map(ExactSizeIterator::len).sum()
    }

    /// Key ranges with the column they start at in a block of scores, up to `own_limit` own rows.
    fn key_columns(&self, own_limit: usize) -> Vec<(Range<usize>, usize)> {
        let mut column = 0;
        let own = self.own.start..self.own.start + own_limit;
        let ranges = self.prefix.iter().cloned().chain([own]);
        ranges
            .map(|range| {
                let start = column;
                column += range.len();
                (range, start)
            })
            .collect()
    }
}

/// What attention reads: queries `[rows, heads.query * dim]`, keys and values
/// `[key rows, heads.key_value * dim]`.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Head counts and width.
    pub heads: Heads,
    /// Rotated queries.
    pub queries: &'a [f32],
    /// Rotated keys.
    pub keys: &'a [f32],
    /// Values.
    pub values: &'a [f32],
    /// The segments; together they cover the query rows.
    pub segments: &'a [Segment],
    /// How many positions back a query sees, itself included (sliding-window attention).
    pub window: Option<usize>,
}

/// The columns of one block of scores that one query row sees.
fn visible_columns(segment: &Segment, row_in_segment: usize, window: Option<usize>) -> Range<usize> {
    let end = segment.prefix_length() + row_in_segment + 1;
    end.saturating_sub(window.unwrap_or(end))..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / 8_388_608.0 - 1.0) * 1.5
            })
            .collect()
    }

    /// Two answers that share a prefix, and a sequence on its own, longer than a block.
    fn shared_prefix() -> Vec<Segment> {
        let segment = |rows: Range<usize>, prefix: &[Range<usize>]| Segment {
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
            segment(17..90, &[]),
        ]
    }

    const HEADS: Heads = Heads { query: 4, key_value: 2, dim: 8 };

    /// The definition, one query and one head at a time, in f64.
    fn reference(inputs: Inputs<'_>) -> Vec<f64> {
        let Heads { query, key_value, dim } = inputs.heads;
        let mut output = vec![0.0; inputs.queries.len()];
        for segment in inputs.segments {
            for (i, row) in segment.rows.clone().enumerate() {
                let mut seen: Vec<usize> = segment.prefix.iter().cloned().flatten().collect();
                seen.extend(segment.own.start..=segment.own.start + i);
                let seen = &seen[seen.len().saturating_sub(inputs.window.unwrap_or(usize::MAX))..];
                for head in 0..query {
                    let q = &inputs.queries[(row * query + head) * dim..][..dim];
                    let kv = |x: &[f32], row: usize, d: usize| {
                        f64::from(x[(row * key_value + head / (query / key_value)) * dim + d])
                    };
                    let score = |key: &usize| {
                        (0..dim).map(|d| f64::from(q[d]) * kv(inputs.keys, *key, d)).sum::<f64>()
                            / (dim as f64).sqrt()
                    };
                    let weights: Vec<f64> = seen.iter().map(|key| score(key).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for d in 0..dim {
                        output[(row * query + head) * dim + d] = seen
                            .iter()
                            .zip(&weights)
                            .map(|(key, w)| w / total * kv(inputs.values, *key, d))
                            .sum();
                    }
                }
            }
        }
        output
    }

    struct Case {
        q: Vec<f32>,
        k: Vec<f32>,
        v: Vec<f32>,
        segments: Vec<Segment>,
        window: Option<usize>,
    }

    impl Case {
        fn new(window: Option<usize>) -> Self {
            let n = 90;
            Self {
                q: numbers(n * 32, 1),
                k: numbers(n * 16, 2),
                v: numbers(n * 16, 3),
                segments: shared_prefix(),
                window,
            }
        }
        fn inputs(&self) -> Inputs<'_> {
            Inputs {
                heads: HEADS,
                queries: &self.q,
                keys: &self.k,
                values: &self.v,
                segments: &self.segments,
                window: self.window,
            }
        }
        fn run(&self) -> (Vec<f32>, Vec<f32>) {
            let (mut output, mut sums) = (vec![0.0; 90 * 32], vec![0.0; 90 * 4]);
            attention(self.inputs(), &mut output, &mut sums);
            (output, sums)
        }
    }

    #[test]
    fn attention_matches_its_definition_with_shared_prefixes_and_windows() {
        for window in [None, Some(5), Some(70)] {
            let case = Case::new(window);
            let expected = reference(case.inputs());
            for (i, (got, expected)) in case.run().0.iter().zip(expected).enumerate() {
                assert!((f64::from(*got) - expected).abs() < 1e-5, "{window:?} {i}: {got} {expected}");
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences_of_the_definition() {
        for window in [None, Some(6)] {
            let case = Case::new(window);
            let (output, sums) = case.run();
            let d_output = numbers(output.len(), 9);
            let (mut dq, mut dk, mut dv) = (vec![0.0; 90 * 32], vec![0.0; 90 * 16], vec![0.0; 90 * 16]);
            let gradients = Gradients { queries: &mut dq, keys: &mut dk, values: &mut dv };
            attention_backward(case.inputs(), &output, &sums, &d_output, gradients);
            let loss = |case: &Case| -> f64 {
                reference(case.inputs()).iter().zip(&d_output).map(|(y, d)| y * f64::from(*d)).sum()
            };
            for index in (0..90 * 16).step_by(61) {
                for (which, got) in [(0, dq[2 * index]), (1, dk[index]), (2, dv[index])] {
                    let moved = |delta: f32| {
                        let mut case = Case::new(window);
                        match which {
                            0 => case.q[2 * index] += delta,
                            1 => case.k[index] += delta,
                            _ => case.v[index] += delta,
                        }
                        loss(&case)
                    };
                    let expected = (moved(5e-3) - moved(-5e-3)) / 1e-2;
                    assert!((f64::from(got) - expected).abs() < 2e-3, "{which} {index}: {got} {expected}");
                }
            }
        }
    }
}
