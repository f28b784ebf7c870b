//! Cells transposed with AVX-512, sixteen rows of sixteen at a time.

use std::arch::x86_64::*;

use super::{LANES, Line};
use crate::matrix::View;
use crate::number::Number;

/// Writes up to 16 rows, transposed as cells, into every `across`-th line from `group` on.
///
/// # Safety
/// The processor must have AVX-512 F; the rows must hold `cells` cells each, and `lines` must be
/// `cells * across`.
#[expect(unsafe_code, reason = "loads and stores by pointer")]
#[target_feature(enable = "avx512f")]
pub(in crate::product) unsafe fn transpose_rows<N: Number>(
    rows: View<'_, N>,
    cells: usize,
    lines: &mut [Line],
    (group, across): (usize, usize),
) {
    for first in (0..cells).step_by(LANES) {
        let count = LANES.min(cells - first);
        let mask = ((1_u32 << count) - 1) as __mmask16;
        let mut block = [_mm512_setzero_si512(); LANES];
        for (row, register) in block.iter_mut().enumerate().take(rows.rows) {
            // SAFETY: the row holds `cells` cells and the mask stops at the last of them.
            *register = unsafe {
                let start = rows.data.as_ptr().add(row * rows.stride + first * N::PER_CELL);
                _mm512_maskz_loadu_epi32(mask, start.cast())
            };
        }
        let block = transpose(block);
        for (step, register) in block.iter().enumerate().take(count) {
            let line = &mut lines[(first + step) * across + group];
            // SAFETY: a line is 64 bytes aligned to 64.
            unsafe { _mm512_store_si512(std::ptr::from_mut(line).cast(), *register) };
        }
    }
}

/// The transpose of 16 x 16 cells.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut twos = rows;
    for i in 0..8 {
        twos[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        twos[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // fours[4q + j]: column j of each 128-bit lane, rows 4q..4q + 4.
    let mut fours = twos;
    for q in 0..4 {
        let [a, b, c, d] = [twos[4 * q], twos[4 * q + 1], twos[4 * q + 2], twos[4 * q + 3]];
        fours[4 * q] = _mm512_unpacklo_epi64(a, c);
        fours[4 * q + 1] = _mm512_unpackhi_epi64(a, c);
        fours[4 * q + 2] = _mm512_unpacklo_epi64(b, d);
        fours[4 * q + 3] = _mm512_unpackhi_epi64(b, d);
    }
    let mut columns = fours;
    for j in 0..4 {
        let [a, b, c, d] = [fours[j], fours[4 + j], fours[8 + j], fours[12 + j]];
        let (low_ab, low_cd) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0x44>(c, d));
        let (high_ab, high_cd) = (_mm512_shuffle_i32x4::<0xEE>(a, b), _mm512_shuffle_i32x4::<0xEE>(c, d));
        columns[j] = _mm512_shuffle_i32x4::<0x88>(low_ab, low_cd);
        columns[4 + j] = _mm512_shuffle_i32x4::<0xDD>(low_ab, low_cd);
        columns[8 + j] = _mm512_shuffle_i32x4::<0x88>(high_ab, high_cd);
        columns[12 + j] = _mm512_shuffle_i32x4::<0xDD>(high_ab, high_cd);
    }
    columns
}
