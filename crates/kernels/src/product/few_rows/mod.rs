//! Products with a few rows on the left, as when generating: every weight is read once, where it lies.
//! An element is summed in the same order however many rows there are.

#[cfg(target_arch = "x86_64")]
mod avx512_bf16;

use std::ops::Range;

use super::strip::Destination;
use super::{Left, Right, Term};
use crate::cpu::{Level, level};
use crate::matrix::View;
use crate::number::{Number, widen};
use crate::quantised::add_few_rows;
use crate::scratch::with_scratch;
use crate::simd::vectorised;

/// Whether [`multiply_few_rows`] is the way to compute a block of that many rows: beyond some number,
/// packing the right operand costs less than it saves.
pub(super) fn reads_right_once<N: Number>(rows: usize, terms: &[Term<'_, N>]) -> bool {
    let fast = multiplies_pairs::<N>();
    terms.iter().all(|term| match (term.left, term.right) {
        (Left::Rows(_), Right::Rows(_)) => rows <= if fast { 8 } else { 4 },
        (Left::Rows(_), Right::QuantisedRows(_)) => rows <= if fast { 16 } else { 4 },
        _ => false,
    })
}

/// Whether there are instructions that multiply pairs of these numbers.
pub(crate) fn multiplies_pairs<N: Number>() -> bool {
    N::PER_CELL == 2 && level() >= Level::Avx512Bf16
}

/// Computes the block of those rows and columns, whose first element is the destination's.
pub(super) fn multiply_few_rows<N: Number>(
    terms: &[Term<'_, N>],
    (rows, cols): (&Range<usize>, &Range<usize>),
    destination: Destination,
) {
    with_scratch(|sums: &mut Vec<f32>| {
        sums.clear();
        sums.resize(rows.len() * cols.len(), 0.0);
        for term in terms {
            let Left::Rows(left) = term.left else { continue };
            let left = left.rows(rows.clone());
            match term.right {
                Right::Rows(right) => add_rows(left, right.rows(cols.clone()), sums),
                Right::QuantisedRows(right) => add_few_rows(left, right.rows(cols.clone()), sums),
                Right::Columns(_) | Right::QuantisedColumns(_) => {}
            }
        }
        for (i, sums) in sums.chunks(cols.len().max(1)).enumerate() {
            // SAFETY: a row of the block, which is this task's own.
            #[expect(unsafe_code, reason = "writes through the destination's pointer")]
            unsafe {
                destination.at(i, 0).put_row(sums);
            }
        }
    });
}

/// Adds `left x rightᵀ` to `sums`, `[left rows, right rows]`.
fn add_rows<N: Number>(left: View<'_, N>, right: View<'_, N>, sums: &mut [f32]) {
    assert!(left.cols == right.cols && sums.len() == left.rows * right.rows, "product shape");
    #[cfg(target_arch = "x86_64")]
    if multiplies_pairs::<N>() {
        assert!(left.holds_cells() && right.holds_cells(), "operands within their data");
        // SAFETY: the level says that the processor has AVX-512 with BF16; shapes were checked above.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
        return unsafe { avx512_bf16::add_rows(left, right, sums) };
    }
    let mut widened = vec![0.0; left.cols];
    for (row, sums) in sums.chunks_mut(right.rows.max(1)).enumerate() {
        widen(left.row(row), &mut widened);
        for (col, sum) in sums.iter_mut().enumerate() {
            *sum += dot_widened(&widened, right.row(col));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;
    use crate::matrix::Matrix;

    fn check<N: Number>((m, n, k): (usize, usize, usize)) {
        let numbers = |count: usize| -> Vec<f32> { (0..count).map(|i| (i as f32 * 0.37).sin()).collect() };
        let left = Matrix::<N>::from_f32(&numbers(m * k), m, k);
        let right = Matrix::from_f32(&numbers(n * k), n, k);
        let mut together = vec![0.0; m * n];
        add_rows(left.view(), right.view(), &mut together);
        for row in 0..m {
            let mut alone = vec![0.0; n];
            add_rows(left.view().rows(row..row + 1), right.view(), &mut alone);
            assert_eq!(alone, together[row * n..][..n], "{m} {n} {k}");
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        for shape in [(15, 40, 96), (16, 17, 77), (7, 3, 576)] {
            check::<Bf16>(shape);
            check::<f32>(shape);
        }
    }
}
