//! Products with a few rows on the left, as when generating: every weight is read once, where it lies.

use std::ops::Range;

use super::strip::Destination;
use super::{Left, Right, Term};
use crate::number::{Number, widen};
use crate::simd::vectorised;

/// Up to this many rows, packing the right operand costs more than it saves.
const FEW_ROWS: usize = 4;

/// Whether [`multiply_few_rows`] is the way to compute a block of that many rows.
pub(super) fn reads_right_once<N: Number>(rows: usize, terms: &[Term<'_, N>]) -> bool {
    rows <= FEW_ROWS
        && terms.iter().all(|term| matches!((term.left, term.right), (Left::Rows(_), Right::Rows(_))))
}

/// Computes the block of those rows and columns, whose first element is the destination's.
pub(super) fn multiply_few_rows<N: Number>(
    terms: &[Term<'_, N>],
    (rows, cols): (&Range<usize>, &Range<usize>),
    destination: Destination,
) {
    let mut sums = vec![0.0; cols.len()];
    for (i, row) in rows.clone().enumerate() {
        sums.fill(0.0);
        for term in terms {
            let (Left::Rows(left), Right::Rows(right)) = (term.left, term.right) else { continue };
            let mut widened = vec![0.0; left.cols];
            widen(left.row(row), &mut widened);
            for (sum, col) in sums.iter_mut().zip(cols.clone()) {
                *sum += dot_widened(&widened, right.row(col));
            }
        }
        for (j, sum) in sums.iter().enumerate() {
            // SAFETY: an element of the block, which is this task's own.
            #[expect(unsafe_code, reason = "writes through the destination's pointer")]
            unsafe {
                destination.at(i, j).put(*sum);
            }
        }
    }
}

vectorised! {
    /// Inner product in 64 lanes.
    fn dot_widened<N: Number>(left: &[f32], right: &[N]) -> f32 {
        const LANES: usize = 64;
        let mut lanes = [0.0_f32; LANES];
        let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
        let tail: f32 =
            left_chunks.remainder().iter().zip(right_chunks.remainder()).map(|(a, b)| a * b.to_f32()).sum();
        for (a, b) in left_chunks.zip(right_chunks) {
            for lane in 0..LANES {
                lanes[lane] += a[lane] * b[lane].to_f32();
            }
        }
        lanes.iter().sum::<f32>() + tail
    }
}
