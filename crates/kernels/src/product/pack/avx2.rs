//! Cells transposed with AVX2, eight rows of eight at a time.

use std::arch::x86_64::*;

use super::{LANES, Line};
use crate::matrix::View;
use crate::number::Number;

/// Cells in a register.
const HALF: usize = LANES / 2;

/// As [`super::transpose_rows`].
///
/// # Safety
/// The processor must have AVX2; the rows, at most 16, must hold `cells` cells each, and `lines` must be
/// `cells * across`.
#[expect(unsafe_code, reason = "loads and stores by pointer")]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn transpose_rows<N: Number>(
    rows: View<'_, N>,
    cells: usize,
    lines: &mut [Line],
    (group, across): (usize, usize),
) {
    for first in (0..cells).step_by(HALF) {
        let count = HALF.min(cells - first);
        for half in 0..2 {
            let rows = rows.rows((half * HALF).min(rows.rows)..rows.rows.min((half + 1) * HALF));
            // SAFETY: the rows hold their cells.
            let block = transpose(unsafe { load(rows, first, count) });
            for (step, register) in block.iter().enumerate().take(count) {
                let line = &mut lines[(first + step) * across + group].0[half * HALF..];
                // SAFETY: eight cells are 256 bits.
                unsafe { _mm256_storeu_si256(line.as_mut_ptr().cast(), *register) };
            }
        }
    }
}

/// `count` cells of up to eight rows, from `first` on; zeros for rows that there are not.
///
/// # Safety
/// The processor must have AVX2 and the rows those cells.
#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn load<N: Number>(rows: View<'_, N>, first: usize, count: usize) -> [__m256i; HALF] {
    let places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), places);
    let mut block = [_mm256_setzero_si256(); HALF];
    for (row, register) in block.iter_mut().enumerate().take(rows.rows) {
        // SAFETY: the row holds the cells and the mask stops at the last of them.
        *register = unsafe {
            let start = rows.data.as_ptr().add(row * rows.stride + first * N::PER_CELL);
            _mm256_maskload_epi32(start.cast(), mask)
        };
    }
    block
}

/// The transpose of 8 x 8 cells.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(rows: [__m256i; HALF]) -> [__m256i; HALF] {
    let mut twos = rows;
    for i in 0..4 {
        twos[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        twos[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // fours[4q + j]: column j of each 128-bit lane, rows 4q..4q + 4.
    let mut fours = twos;
    for q in 0..2 {
        let [a, b, c, d] = [twos[4 * q], twos[4 * q + 1], twos[4 * q + 2], twos[4 * q + 3]];
        fours[4 * q] = _mm256_unpacklo_epi64(a, c);
        fours[4 * q + 1] = _mm256_unpackhi_epi64(a, c);
        fours[4 * q + 2] = _mm256_unpacklo_epi64(b, d);
        fours[4 * q + 3] = _mm256_unpackhi_epi64(b, d);
    }
    let mut columns = fours;
    for j in 0..4 {
        columns[j] = _mm256_permute2x128_si256::<0x20>(fours[j], fours[4 + j]);
        columns[4 + j] = _mm256_permute2x128_si256::<0x31>(fours[j], fours[4 + j]);
    }
    columns
}
