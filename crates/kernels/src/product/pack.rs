//! Right operands laid out as the tiles read them: panels of up to 64 columns; in a panel, for each cell
//! of the sum, one line of 16 cells for every 16 columns.

use super::Right;
use crate::cpu::{Level, level};
use crate::matrix::View;
use crate::number::Number;
use crate::quantised;

/// Columns that one line covers.
pub(crate) const LANES: usize = 16;
/// Lines side by side in a panel, at most.
pub(crate) const MOST_LINES: usize = 4;

/// Sixteen cells, one register of 512 bits.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u32; LANES]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; LANES]);
}

/// Packs columns `first..first + width` of the product's right operand into `lines`,
/// `cells x width.div_ceil(16)` of them.
pub(crate) fn pack_panel<N: Number>(right: Right<'_, N>, first: usize, width: usize, lines: &mut [Line]) {
    let across = width.div_ceil(LANES);
    match right {
        Right::Rows(matrix) => pack_rows(matrix.rows(first..first + width), across, lines),
        Right::QuantisedRows(matrix) => {
            quantised::pack_rows::<N>(matrix.rows(first..first + width), across, lines);
        }
        Right::QuantisedColumns(matrix) => quantised::pack_columns::<N>(matrix, first, across, lines),
        Right::Columns(matrix) => {
            let columns = matrix.cols(first..first + width);
            for (cell, lines) in lines.chunks_mut(across).enumerate() {
                let rows = cell * N::PER_CELL..matrix.rows.min((cell + 1) * N::PER_CELL);
                let (cells, beyond) = lines.as_flattened_mut().split_at_mut(width);
                N::weave(columns.rows(rows), cells);
                beyond.fill(0);
            }
        }
    }
}

/// Rows of `matrix` become columns.
fn pack_rows<N: Number>(matrix: View<'_, N>, across: usize, lines: &mut [Line]) {
    let cells = matrix.cols.div_ceil(N::PER_CELL);
    assert!(matrix.holds_cells() && lines.len() == cells * across, "panel size");
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx512 {
        for group in 0..across {
            let rows = matrix.rows(group * LANES..matrix.rows.min((group + 1) * LANES));
            // SAFETY: the level says that the processor has AVX-512; the rows hold their cells and the
            // lines are `cells x across`, as asserted above.
            #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
            unsafe {
                avx512::transpose_rows(rows, cells, lines, (group, across));
            }
        }
        return;
    }
    for (cell, lines) in lines.chunks_mut(across).enumerate() {
        for (group, line) in lines.iter_mut().enumerate() {
            *line = Line::ZERO;
            for (lane, row) in (group * LANES..matrix.rows.min((group + 1) * LANES)).enumerate() {
                let at = row * matrix.stride + cell * N::PER_CELL;
                line.0[lane] = N::cell(&matrix.data[at..at + N::PER_CELL]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::transpose;

/// [`Line`]s as cells.
trait Flatten {
    fn as_flattened_mut(&mut self) -> &mut [u32];
}

impl Flatten for [Line] {
    fn as_flattened_mut(&mut self) -> &mut [u32] {
        // SAFETY: a Line is exactly sixteen u32 (64 bytes, aligned more strictly), so the memory of a
        // slice of lines is that of a slice of sixteen times as many u32.
        #[expect(unsafe_code, reason = "views lines as their cells")]
        unsafe {
            std::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), self.len() * LANES)
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512 {
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
    pub(super) unsafe fn transpose_rows<N: Number>(
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
}
