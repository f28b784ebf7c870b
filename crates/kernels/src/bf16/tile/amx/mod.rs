//! AMX: blocks of 2 x 2 tiles of 16 x 16 sums, each over the whole inner dimension. Sixteen lines of a
//! panel are one tile of the right operand as they lie.

mod instructions;
mod operands;

use std::arch::x86_64::*;
use std::cell::RefCell;

use self::instructions::Tiles;
use self::operands::{Operands, Run};
use super::avx512::dot;
use crate::product::pack::{LANES, Line};
use crate::product::strip::Strip;

/// Rows of a tile, and pairs of steps in one of its rows.
const TILE: usize = 16;
/// Rows of two tiles.
pub(super) const BLOCK: usize = 2 * TILE;
/// With fewer rows than this, most of a tile would be idle.
const FEWEST_ROWS: usize = 8;

thread_local! {
    static OPERANDS: RefCell<Operands> = RefCell::default();
}

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AMX with bf16 and AVX-512 F, BW, VL and BF16, and
/// the system must have granted the use of AMX.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        if strip.rows < FEWEST_ROWS {
            return dot::multiply_strip(strip);
        }
        OPERANDS.with_borrow_mut(|operands| {
            operands.copy_last_lines(strip);
            let mut tiles = Tiles::configure(strip.rows.min(BLOCK));
            for row in (0..strip.rows).step_by(BLOCK) {
                block(strip, row, &mut tiles, operands);
            }
        });
    }
}

/// Up to 32 rows.
///
/// # Safety
/// As [`multiply_strip`], for the rows of a block from `row` on; `operands` has the last lines.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn block(strip: Strip<'_>, row: usize, tiles: &mut Tiles, operands: &mut Operands) {
    let rows = BLOCK.min(strip.rows - row);
    tiles.reshape(rows);
    let mut sums = [[Line::ZERO; TILE]; 4];
    // SAFETY: passed on to the caller; sums past the width are masked off.
    unsafe {
        let runs = operands.of_block(strip, row, rows);
        let groups = strip.width.div_ceil(LANES);
        for group in (0..groups).step_by(2) {
            let first = Columns { group, across: strip.across };
            match (rows > TILE, groups - group > 1) {
                (true, true) => multiply::<true, true>(runs, first, tiles, &mut sums),
                (true, false) => multiply::<true, false>(runs, first, tiles, &mut sums),
                (false, true) => multiply::<false, true>(runs, first, tiles, &mut sums),
                (false, false) => multiply::<false, false>(runs, first, tiles, &mut sums),
            }
            for (side, col) in (group * LANES..strip.width).step_by(LANES).take(2).enumerate() {
                let columns = LANES.min(strip.width - col);
                for i in 0..rows {
                    let line = &sums[i / TILE * 2 + side][i % TILE];
                    let values = _mm512_load_ps(std::ptr::from_ref(line).cast());
                    dot::store(strip.destination.at(row + i, col), values, columns);
                }
            }
        }
    }
}

/// Which lines of a panel.
#[derive(Debug, Clone, Copy)]
struct Columns {
    /// The first of up to two lines.
    group: usize,
    /// Lines side by side.
    across: usize,
}

/// Sums of one tile, two beside or upon each other, or four.
///
/// # Safety
/// The runs' operands must be readable, and the tiles configured for their rows.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn multiply<const TALL: bool, const WIDE: bool>(
    runs: &[Run],
    columns: Columns,
    tiles: &mut Tiles,
    sums: &mut [[Line; TILE]; 4],
) {
    tiles.zero::<0>();
    tiles.zero::<1>();
    if TALL {
        tiles.zero::<2>();
        tiles.zero::<3>();
    }
    let right_stride = columns.across * size_of::<Line>();
    // SAFETY: operands that the caller promised.
    unsafe {
        for run in runs {
            for tile in 0..run.tiles {
                let (stride, ahead) = (run.left.stride, tile * run.left.step);
                let right = run.right.add(tile * TILE * columns.across + columns.group);
                tiles.load::<4>(run.left.upper.byte_add(ahead), stride);
                tiles.load::<6>(right, right_stride);
                tiles.multiply_add::<0, 4, 6>();
                if WIDE {
                    tiles.load::<7>(right.add(1), right_stride);
                    tiles.multiply_add::<1, 4, 7>();
                }
                if TALL {
                    tiles.load::<5>(run.left.lower.byte_add(ahead), stride);
                    tiles.multiply_add::<2, 5, 6>();
                }
                if TALL && WIDE {
                    tiles.multiply_add::<3, 5, 7>();
                }
            }
        }
    }
    let [upper, upper_right, lower, lower_right] = sums;
    tiles.store::<0>(upper);
    if WIDE {
        tiles.store::<1>(upper_right);
    }
    if TALL {
        tiles.store::<2>(lower);
    }
    if TALL && WIDE {
        tiles.store::<3>(lower_right);
    }
}
