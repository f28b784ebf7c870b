//! The numbers that the kernels compute with: f32, and bf16 with sums in f32. Each kernel has one body
//! for both; what differs is here and in the folder of each number.

use std::fmt::Debug;

use crate::matrix::View;
use crate::product::strip::{DestinationKind, Strip};
use crate::simd::{sum_of_lanes, vectorised};

/// A number that weights and activations are kept in: f32 or [`crate::Bf16`].
pub trait Number: Cells {
    /// The nearest number, ties to even. A NaN stays a NaN.
    fn from_f32(value: f32) -> Self;

    /// The same number in f32.
    fn to_f32(self) -> f32;
}

/// How products read numbers: in cells of 32 bits, each the numbers of consecutive steps of a sum.
pub trait Cells: Copy + Debug + Default + PartialEq + Send + Sync + 'static {
    /// Numbers in a cell.
    const PER_CELL: usize;

    /// The number where all bits of `kept` are set, zero where none is.
    fn masked(self, kept: u16) -> Self;

    /// The cell of the first numbers of a row.
    fn cell(numbers: &[Self]) -> u32;

    /// For every column of `rows`, the cell of its `PER_CELL` numbers; rows that are missing count as zeros.
    fn weave(rows: View<'_, Self>, cells: &mut [u32])
    where
        Self: Number;

    /// As [`Self::weave`] for the nearest numbers to `values`, which are rows of `cells.len()`.
    fn weave_rounded(values: &[f32], cells: &mut [u32]);

    /// Sums that become these numbers, `start` being the first.
    fn destination(start: *mut Self) -> DestinationKind;

    /// Lines of 16 columns side by side in a panel, at most [`crate::product::MOST_LINES`].
    fn panel_lines() -> usize;

    /// Rows that a task should have a multiple of, so that its tiles are whole.
    fn row_unit() -> usize {
        12
    }

    /// Computes a strip of a product.
    ///
    /// # Safety
    /// Every cell of `rows` rows of each left operand must be readable, `rows x width` elements of the
    /// destination writable and in nobody else's use, and the panel as long as the terms' cells ask for.
    #[expect(unsafe_code, reason = "works on pointers")]
    unsafe fn multiply_strip(strip: Strip<'_>);
}

vectorised! {
    /// Rounds each value to the nearest number.
    pub(crate) fn round<N: Number>(values: &[f32], rounded: &mut [N]) {
        assert_eq!(values.len(), rounded.len(), "as many numbers as values");
        for (to, from) in rounded.iter_mut().zip(values) {
            *to = N::from_f32(*from);
        }
    }

    /// As [`round`], each value multiplied by `factor` first.
    pub(crate) fn round_scaled<N: Number>(values: &[f32], factor: f32, rounded: &mut [N]) {
        assert_eq!(values.len(), rounded.len(), "as many numbers as values");
        for (to, from) in rounded.iter_mut().zip(values) {
            *to = N::from_f32(from * factor);
        }
    }

    /// Widens each number to f32.
    pub(crate) fn widen<N: Number>(values: &[N], widened: &mut [f32]) {
        assert_eq!(values.len(), widened.len(), "as many values as numbers");
        for (to, from) in widened.iter_mut().zip(values) {
            *to = from.to_f32();
        }
    }

    /// Inner product of two vectors of one length, in a fixed order of sixteen lanes.
    pub(crate) fn dot<N: Number>(left: &[N], right: &[N]) -> f32 {
        assert_eq!(left.len(), right.len(), "vectors of one length");
        const LANES: usize = 16;
        let mut lanes = [0.0_f32; LANES];
        let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
        let rest = left_chunks.remainder().iter().zip(right_chunks.remainder());
        let tail: f32 = rest.map(|(a, b)| a.to_f32() * b.to_f32()).sum();
        for (a, b) in left_chunks.zip(right_chunks) {
            for lane in 0..LANES {
                lanes[lane] += a[lane].to_f32() * b[lane].to_f32();
            }
        }
        sum_of_lanes(lanes) + tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_different_lengths_are_refused() {
        let refused: [fn(); 4] = [
            || round(&[1.0], &mut [0.0_f32; 2]),
            || round_scaled(&[1.0; 2], 2.0, &mut [0.0_f32]),
            || widen(&[1.0_f32; 2], &mut [0.0]),
            || assert!(dot(&[1.0_f32; 2], &[1.0]) > 0.0),
        ];
        for (index, refused) in refused.into_iter().enumerate() {
            assert!(std::panic::catch_unwind(refused).is_err(), "{index}");
        }
    }
}
