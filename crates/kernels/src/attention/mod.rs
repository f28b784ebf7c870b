//! Causal attention over packed sequences that may share prefixes. Queries, keys, values and softmax
//! weights are numbers of one kind in the products, whose sums, like the softmax itself, are f32.
//!
//! The rows of a batch are cut into segments. A segment sees some earlier key rows whole (its prefix:
//! a shared question, or the tokens already in a cache) and its own rows causally. Scores exist for one
//! block of rows and one head at a time, never for a whole sequence squared.

mod backward;
mod forward;
mod rows;

use std::ops::Range;

use crate::matrix::{Matrix, View};
use crate::number::Number;

pub use backward::{Gradients, attention_backward};
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

    /// The same as segments that have no more before them than a window shows their first rows, so that
    /// the work grows with the window and not with the sequence.
    fn in_windows(&self, window: Option<usize>) -> Vec<Self> {
        let hides = |window: &usize| self.prefix_length() + self.rows.len() > *window;
        let Some(window) = window.filter(hides) else { return vec![self.clone()] };
        let most = window.max(1).next_multiple_of(BLOCK);
        let piece = |first| {
            let rows = first..self.rows.len().min(first + most);
            let of =
                |whole: &Range<usize>, part: &Range<usize>| whole.start + part.start..whole.start + part.end;
            let before = [self.prefix.as_slice(), &[of(&self.own, &(0..first))]].concat();
            let (rows, own) = (of(&self.rows, &rows), of(&self.own, &rows));
            Self { rows, own, prefix: last(&before, window.saturating_sub(1)) }
        };
        (0..self.rows.len()).step_by(most).map(piece).collect()
    }
}

/// The last `count` rows of some ranges, or all where they are fewer.
fn last(ranges: &[Range<usize>], count: usize) -> Vec<Range<usize>> {
    let mut left = count;
    let taken = ranges.iter().rev().map(|range| {
        let taken = range.len().min(left);
        left -= taken;
        range.end - taken..range.end
    });
    let mut taken: Vec<_> = taken.filter(|range| !range.is_empty()).collect();
    taken.reverse();
    taken
}

/// What attention reads: queries `[rows, heads.query * dim]`, keys and values
/// `[key rows, heads.key_value * dim]`.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, N> {
    /// Head counts and width.
    pub heads: Heads,
    /// Rotated queries.
    pub queries: View<'a, N>,
    /// Rotated keys.
    pub keys: View<'a, N>,
    /// Values.
    pub values: View<'a, N>,
    /// The segments; together they cover the query rows, in order.
    pub segments: &'a [Segment],
    /// How many positions back a query sees, itself included (sliding-window attention).
    pub window: Option<usize>,
    /// What scores are multiplied by, usually 1 / √dim.
    pub scale: f32,
}

impl<'a, N: Number> Inputs<'a, N> {
    fn query_head(&self, data: View<'a, N>, head: usize) -> View<'a, N> {
        data.cols(head * self.heads.dim..(head + 1) * self.heads.dim)
    }

    /// Refuses segments that share a query row, and outputs of other widths: tasks write the rows of their
    /// segments without asking each other.
    fn check(&self, output: (usize, usize), log_sums: usize) {
        let (rows, heads) = (self.queries.rows, self.heads);
        assert_eq!(output, (rows, heads.query * heads.dim), "shape of the output");
        assert_eq!(log_sums, rows * heads.query, "a softmax a row and head");
        let starts = self.segments.iter().map(|segment| segment.rows.start).skip(1).chain([rows]);
        let ordered = |(segment, next): (&Segment, usize)| {
            segment.rows.start <= segment.rows.end && segment.rows.end <= next
        };
        assert!(self.segments.iter().zip(starts).all(ordered), "segments have rows of their own, in order");
    }

    /// The rows of one key/value head that a segment sees, one after the other.
    fn gather(&self, data: View<'_, N>, segment: &Segment, head: usize, gathered: &mut Matrix<N>) {
        let dim = self.heads.dim;
        let buffer = std::mem::take(gathered).into_buffer();
        *gathered = Matrix::over(buffer, segment.prefix_length() + segment.own.len(), dim);
        let stride = gathered.stride();
        let ranges = segment.prefix.iter().chain(std::iter::once(&segment.own));
        for (to, row) in gathered.data_mut().chunks_mut(stride).zip(ranges.flat_map(Clone::clone)) {
            to[..dim].copy_from_slice(&data.row(row)[head * dim..(head + 1) * dim]);
        }
    }
}

/// Bytes that each thread keeps for itself between the blocks of a segment whose rows see up to `keys` keys,
/// forward and backward.
pub fn scratch_bytes<N: Number>(heads: Heads, keys: usize) -> usize {
    let (number, single) = (size_of::<N>(), size_of::<f32>());
    let forward = heads.dim * 3 * number + BLOCK * (single + number);
    let backward = heads.dim * (4 * number + 2 * single) + BLOCK * (2 * single + 2 * number);
    keys * (forward + backward)
}

/// The columns of one block of scores that one query row sees.
fn visible_columns(segment: &Segment, row_in_segment: usize, window: Option<usize>) -> Range<usize> {
    let end = segment.prefix_length() + row_in_segment + 1;
    end.saturating_sub(window.unwrap_or(end))..end
}

/// Memory for as many numbers as asked, zeros or leftovers.
fn sized(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

#[cfg(test)]
mod tests;
