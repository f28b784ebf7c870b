//! Right operands laid out as the tiles read them: panels of up to 64 columns; in a panel, for each pair
//! of steps of the sum, one line of 16 pairs for every 16 columns.

use super::interleave::weave;
use super::{Bf16View, Right};
use crate::cpu::{Level, level};

/// Columns that one line covers.
pub(super) const LANES: usize = 16;
/// Lines side by side in a panel.
pub(super) const PANEL_LINES: usize = 4;
/// Columns of a whole panel.
pub(super) const PANEL: usize = LANES * PANEL_LINES;

/// Sixteen pairs, one register of 512 bits.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u32; LANES]);

impl Line {
    pub(super) const ZERO: Self = Self([0; LANES]);
}

/// Packs columns `first..first + width` (at most [`PANEL`]) of the product's right operand into `lines`,
/// `pairs x width.div_ceil(16)` of them.
pub(super) fn pack_panel(right: Right<'_>, first: usize, width: usize, lines: &mut [Line]) {
    let across = width.div_ceil(LANES);
    match right {
        Right::Rows(matrix) => pack_rows(matrix.rows(first..first + width), across, lines),
        Right::Columns(matrix) => {
            for (pair, lines) in lines.chunks_mut(across).enumerate() {
                let row = |index: usize| &matrix.row(index)[first..first + width];
                let second = (2 * pair + 1 < matrix.rows).then(|| row(2 * pair + 1));
                let pairs = lines.as_flattened_mut();
                weave(row(2 * pair), second, pairs);
                pairs[width..].fill(0);
            }
        }
    }
}

/// Rows of `matrix` become columns.
fn pack_rows(matrix: Bf16View<'_>, across: usize, lines: &mut [Line]) {
    let pairs = matrix.cols.div_ceil(2);
    assert!(matrix.holds_pairs() && lines.len() == pairs * across, "panel size");
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx512 {
        for group in 0..across {
            let rows = matrix.rows(group * LANES..matrix.rows.min((group + 1) * LANES));
            // SAFETY: the level says that the processor has AVX-512; the rows hold their pairs and the
            // lines are `pairs x across`, as asserted above.
            #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
            unsafe {
                avx512::transpose_rows(rows, pairs, lines, (group, across));
            }
        }
        return;
    }
    for (pair, lines) in lines.chunks_mut(across).enumerate() {
        for (group, line) in lines.iter_mut().enumerate() {
            *line = Line::ZERO;
            for (lane, row) in (group * LANES..matrix.rows.min((group + 1) * LANES)).enumerate() {
                let at = row * matrix.stride + 2 * pair;
                line.0[lane] = u32::from(matrix.data[at].0) | u32::from(matrix.data[at + 1].0) << 16;
            }
        }
    }
}

/// [`Line`]s as pairs.
trait Flatten {
    fn as_flattened_mut(&mut self) -> &mut [u32];
}

impl Flatten for [Line] {
    fn as_flattened_mut(&mut self) -> &mut [u32] {
        // SAFETY: a Line is exactly sixteen u32 (64 bytes, aligned more strictly), so the memory of a
        // slice of lines is that of a slice of sixteen times as many u32.
        #[expect(unsafe_code, reason = "views lines as their pairs")]
        unsafe {
            std::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), self.len() * LANES)
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{LANES, Line};
    use crate::bf16::Bf16View;

    /// Writes up to 16 rows, transposed as pairs, into every `across`-th line from `group` on.
    ///
    /// # Safety
    /// The processor must have AVX-512 F; the rows must hold `pairs` pairs each, and `lines` must be
    /// `pairs * across`.
    #[expect(unsafe_code, reason = "loads and stores by pointer")]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn transpose_rows(
        rows: Bf16View<'_>,
        pairs: usize,
        lines: &mut [Line],
        (group, across): (usize, usize),
    ) {
        for first in (0..pairs).step_by(LANES) {
            let count = LANES.min(pairs - first);
            let mask = ((1_u32 << count) - 1) as __mmask16;
            let mut block = [_mm512_setzero_si512(); LANES];
            for (row, register) in block.iter_mut().enumerate().take(rows.rows) {
                // SAFETY: the row holds `pairs` pairs and the mask stops at the last of them.
                *register = unsafe {
                    let start = rows.data.as_ptr().add(row * rows.stride + 2 * first);
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

    /// The transpose of 16 x 16 pairs.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
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
