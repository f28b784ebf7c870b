//! Operands as tiles: where sixteen rows of 64 bytes lie in memory they are read there; columns, and what
//! is left after the last whole tile, are copied and filled up with zeros.

use std::arch::x86_64::*;
use std::ops::Range;

use super::{BLOCK, TILE};
use crate::product::pack::Line;
use crate::product::pack::avx512::transpose;
use crate::product::strip::{LeftCells, Strip};

/// Tiles one after the other along the inner dimension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) tiles: usize,
    pub(super) left: LeftTiles,
    /// The first line of the first tile; further columns are in the lines after it.
    pub(super) right: *const Line,
}

/// The left operand's tiles: those of rows 0 to 15 of a block, and those of rows 16 to 31.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftTiles {
    pub(super) upper: *const Line,
    pub(super) lower: *const Line,
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// Bytes from one tile to the next along the inner dimension.
    pub(super) step: usize,
}

/// The operands of one strip, with copies of what cannot be read where it lies. Uses its memory again.
#[derive(Default)]
pub(super) struct Operands {
    left: Vec<Line>,
    right: Vec<Line>,
    runs: Vec<Run>,
}

impl Operands {
    /// Copies the last lines of each term whose pairs do not fill its last tile.
    pub(super) fn copy_last_lines(&mut self, strip: Strip<'_>) {
        self.right.clear();
        let mut panel = strip.panel;
        for left in strip.left {
            let (lines, after) = panel.split_at(left.cells * strip.across);
            panel = after;
            let rest = left.cells % TILE;
            if rest > 0 {
                self.right.extend_from_slice(&lines[(left.cells - rest) * strip.across..]);
                self.right.resize(self.right.len() + (TILE - rest) * strip.across, Line::ZERO);
            }
        }
    }

    /// The tiles for the block of `rows` rows from `first` on, in the order in which they are summed.
    ///
    /// # Safety
    /// As [`super::multiply_strip`]; [`Self::copy_last_lines`] must have been called for this strip.
    #[expect(unsafe_code, reason = "works on pointers")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    pub(super) unsafe fn of_block(&mut self, strip: Strip<'_>, first: usize, rows: usize) -> &[Run] {
        let copied: usize = strip.left.iter().map(copied_tiles).sum();
        if self.left.len() < copied * BLOCK {
            self.left.resize(copied * BLOCK, Line::ZERO);
        }
        self.runs.clear();
        let mut copies = self.left.as_mut_slice();
        let (mut panel, mut last) = (strip.panel.as_ptr(), self.right.as_ptr());
        for left in strip.left {
            let left = LeftCells { start: left.start.wrapping_add(first * left.row_stride), ..*left };
            let whole = left.cells / TILE;
            // SAFETY: the pairs of these rows, as the caller promised; the copies were counted above.
            unsafe {
                if whole > 0 {
                    let in_place = left.cell_stride == 1;
                    let tiles =
                        if in_place { as_it_lies(left) } else { copy(left, 0..whole, rows, &mut copies) };
                    self.runs.push(Run { tiles: whole, left: tiles, right: panel });
                }
                if left.cells > whole * TILE {
                    let tiles = copy(left, whole..whole + 1, rows, &mut copies);
                    self.runs.push(Run { tiles: 1, left: tiles, right: last });
                    last = last.add(TILE * strip.across);
                }
                panel = panel.add(left.cells * strip.across);
            }
        }
        &self.runs
    }
}

/// Tiles that [`Operands::of_block`] copies.
fn copied_tiles(left: &LeftCells) -> usize {
    let read_in_place = if left.cell_stride == 1 { left.cells / TILE } else { 0 };
    left.cells.div_ceil(TILE) - read_in_place
}

/// Tiles of rows whose pairs are side by side.
fn as_it_lies(left: LeftCells) -> LeftTiles {
    LeftTiles {
        upper: left.start.cast(),
        lower: left.start.wrapping_add(TILE * left.row_stride).cast(),
        stride: left.row_stride * size_of::<u32>(),
        step: size_of::<Line>(),
    }
}

/// Copies tiles of a block of rows to the front of `copies`, and takes them off it.
///
/// # Safety
/// The pairs of those tiles and rows must be readable.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f")]
unsafe fn copy(left: LeftCells, tiles: Range<usize>, rows: usize, copies: &mut &mut [Line]) -> LeftTiles {
    let (block, after) = std::mem::take(copies).split_at_mut(tiles.len() * BLOCK);
    *copies = after;
    for (tile, to) in tiles.zip(block.chunks_exact_mut(BLOCK)) {
        let pairs = TILE.min(left.cells - tile * TILE);
        for (half, to) in to.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
            let row = half * TILE;
            let start = left.start.wrapping_add(row * left.row_stride + tile * TILE * left.cell_stride);
            let part = LeftCells { start, cells: pairs, ..left };
            // SAFETY: passed on to the caller.
            unsafe {
                copy_tile(part, rows.saturating_sub(row).min(TILE), to);
            }
        }
    }
    let upper = block.as_ptr();
    let (stride, step) = (size_of::<Line>(), BLOCK * size_of::<Line>());
    LeftTiles { upper, lower: upper.wrapping_add(TILE), stride, step }
}

/// Copies up to 16 pairs of up to 16 rows, one row a line, and zeros for pairs and rows that there are not.
///
/// # Safety
/// The pairs of those rows must be readable.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f")]
unsafe fn copy_tile(left: LeftCells, rows: usize, to: &mut [Line; TILE]) {
    let by_rows = left.cell_stride == 1;
    let (count, stride, length) =
        if by_rows { (rows, left.row_stride, left.cells) } else { (left.cells, left.cell_stride, rows) };
    let mask = ((1_u32 << length) - 1) as __mmask16;
    let mut block = [_mm512_setzero_si512(); TILE];
    for (i, register) in block.iter_mut().enumerate().take(count) {
        // SAFETY: the row holds `pairs` pairs, or the pair `rows` rows, and the mask stops at the last.
        *register = unsafe { _mm512_maskz_loadu_epi32(mask, left.start.add(i * stride).cast()) };
    }
    let block = if by_rows { block } else { transpose(block) };
    for (line, register) in to.iter_mut().zip(block) {
        // SAFETY: a line is 64 bytes aligned to 64.
        unsafe { _mm512_store_si512(std::ptr::from_mut(line).cast(), register) };
    }
}
