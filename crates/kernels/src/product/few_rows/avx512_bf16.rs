//! AVX-512 with bf16 dot products: sixteen sums at a time, of one row of the left operand and sixteen of
//! the weights, or of two and eight, and so on; their lanes are added up together at the end.

use std::arch::x86_64::*;

use crate::bf16::as_bf16;
use crate::matrix::View;
use crate::number::Number;
use crate::product::pack::transpose;

/// Sums at a time.
const SUMS: usize = 16;
/// Numbers in a register.
const WIDTH: usize = 32;

struct Operands<'a, N> {
    left: View<'a, N>,
    right: View<'a, N>,
}

/// As [`super::add_rows`].
///
/// # Safety
/// The processor must have AVX-512 F, BW and BF16; shapes must fit, rows hold whole pairs, and the
/// numbers be bf16.
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn add_rows<N: Number>(left: View<'_, N>, right: View<'_, N>, sums: &mut [f32]) {
    let operands = Operands { left, right };
    // All rows of the left operand meet some rows of the weights while those are in the first cache.
    for first in (0..right.rows).step_by(SUMS) {
        let mut row = 0;
        // SAFETY: rows of the operands, as promised by the caller.
        unsafe {
            while row + 16 <= left.rows {
                block::<N, 16, 1>(&operands, row, first, sums);
                row += 16;
            }
            if row + 8 <= left.rows {
                block::<N, 8, 2>(&operands, row, first, sums);
                row += 8;
            }
            if row + 4 <= left.rows {
                block::<N, 4, 4>(&operands, row, first, sums);
                row += 4;
            }
            if row + 2 <= left.rows {
                block::<N, 2, 8>(&operands, row, first, sums);
                row += 2;
            }
            if row < left.rows {
                block::<N, 1, 16>(&operands, row, first, sums);
            }
        }
    }
}

/// `LEFT` rows from `row` on times sixteen rows of the weights from `first` on, `RIGHT` at a time.
///
/// # Safety
/// As [`add_rows`].
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn block<N: Number, const LEFT: usize, const RIGHT: usize>(
    operands: &Operands<'_, N>,
    row: usize,
    first: usize,
    sums: &mut [f32],
) {
    let width = operands.right.rows;
    let end = width.min(first + SUMS);
    for col in (first..end).step_by(RIGHT) {
        // SAFETY: promised by the caller.
        let totals = unsafe { totals::<N, LEFT, RIGHT>(operands, row, col) };
        for (i, totals) in totals.chunks(RIGHT).enumerate() {
            let to = &mut sums[(row + i) * width..][col..end.min(col + RIGHT)];
            to.iter_mut().zip(totals).for_each(|(sum, total)| *sum += total);
        }
    }
}

/// The sums of `LEFT` rows times `RIGHT` rows of the weights; rows past the last count as the last.
///
/// # Safety
/// As [`add_rows`].
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn totals<N: Number, const LEFT: usize, const RIGHT: usize>(
    operands: &Operands<'_, N>,
    row: usize,
    col: usize,
) -> [f32; SUMS] {
    let Operands { left, right } = operands;
    let start = |view: &View<'_, N>, row: usize| view.data[row * view.stride..].as_ptr().cast::<i32>();
    let x: [*const i32; LEFT] = std::array::from_fn(|i| start(left, row + i));
    let weights: [*const i32; RIGHT] = std::array::from_fn(|j| start(right, (col + j).min(right.rows - 1)));
    let mut sums = [[_mm512_setzero_ps(); RIGHT]; LEFT];
    let pairs = left.cols.div_ceil(2);
    for first in (0..pairs).step_by(WIDTH / 2) {
        let mask = ((1_u32 << (WIDTH / 2).min(pairs - first)) - 1) as __mmask16;
        // SAFETY: each row holds its pairs and the mask stops at the last of them.
        unsafe {
            let mut columns = [_mm512_setzero_si512(); RIGHT];
            for (column, start) in columns.iter_mut().zip(weights) {
                *column = _mm512_maskz_loadu_epi32(mask, start.add(first));
            }
            for (sums, start) in sums.iter_mut().zip(x) {
                let x = as_bf16(_mm512_maskz_loadu_epi32(mask, start.add(first)));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, x, as_bf16(column));
                }
            }
        }
    }
    let mut all = [_mm512_setzero_si512(); SUMS];
    for (to, from) in all.iter_mut().zip(sums.as_flattened()) {
        *to = _mm512_castps_si512(*from);
    }
    add_lanes(all)
}

/// The sum of the lanes of each register of f32.
#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
fn add_lanes(sums: [__m512i; SUMS]) -> [f32; SUMS] {
    let mut columns = transpose(sums);
    for half in [8, 4, 2, 1] {
        for index in 0..half {
            let (a, b) = (_mm512_castsi512_ps(columns[index]), _mm512_castsi512_ps(columns[index + half]));
            columns[index] = _mm512_castps_si512(_mm512_add_ps(a, b));
        }
    }
    let mut totals = [0.0; SUMS];
    // SAFETY: sixteen f32 are 512 bits.
    unsafe { _mm512_storeu_si512(totals.as_mut_ptr().cast(), columns[0]) };
    totals
}
