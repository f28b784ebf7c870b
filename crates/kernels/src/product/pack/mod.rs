//! Right operands laid out as the tiles read them: panels of up to 64 columns; in a panel, for each cell
//! of the sum, one line of 16 cells for every 16 columns.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;

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
    for group in 0..across {
        let rows = matrix.rows(group * LANES..matrix.rows.min((group + 1) * LANES));
        transpose_rows(rows, lines, (group, across));
    }
}

/// Writes up to 16 rows, transposed as cells, into every `across`-th line from `group` on.
pub(crate) fn transpose_rows<N: Number>(
    rows: View<'_, N>,
    lines: &mut [Line],
    (group, across): (usize, usize),
) {
    let cells = rows.cols.div_ceil(N::PER_CELL);
    assert!(rows.rows <= LANES && rows.holds_cells(), "rows of one line");
    assert!(group < across && lines.len() == cells * across, "panel size");
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx512 {
        // SAFETY: the level says that the processor has AVX-512; the rest is asserted above.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
        return unsafe { avx512::transpose_rows(rows, cells, lines, (group, across)) };
    }
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx2 {
        // SAFETY: the level says that the processor has AVX2; the rest is asserted above.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX2")]
        return unsafe { avx2::transpose_rows(rows, cells, lines, (group, across)) };
    }
    for (cell, line) in lines.iter_mut().skip(group).step_by(across).enumerate() {
        *line = Line::ZERO;
        for (row, lane) in line.0.iter_mut().enumerate().take(rows.rows) {
            let at = row * rows.stride + cell * N::PER_CELL;
            *lane = N::cell(&rows.data[at..at + N::PER_CELL]);
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
