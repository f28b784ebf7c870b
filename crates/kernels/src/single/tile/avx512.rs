//! AVX-512: 24 accumulators, 12 rows x 32 columns for whole panels.

use std::arch::x86_64::*;

use crate::bf16::store_avx512;
use crate::product::pack::LANES;
use crate::product::strip::{LeftCells, Strip};

/// Lines side by side in a panel.
pub(super) const PANEL_LINES: usize = 2;

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AVX-512 F, BW and VL.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match strip.across {
            PANEL_LINES => rows::<12, PANEL_LINES>(strip),
            _ => rows::<12, 1>(strip),
        }
    }
}

/// Whole tiles of `ROWS` rows, then what is left in tiles of 4, 2 and 1.
///
/// # Safety
/// As [`multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn rows<const ROWS: usize, const LINES: usize>(strip: Strip<'_>) {
    let mut row = 0;
    // SAFETY: the tiles stay inside the strip's rows.
    unsafe {
        while row + ROWS <= strip.rows {
            tile::<ROWS, LINES>(strip, row);
            row += ROWS;
        }
        while row + 4 <= strip.rows {
            tile::<4, LINES>(strip, row);
            row += 4;
        }
        if row + 2 <= strip.rows {
            tile::<2, LINES>(strip, row);
            row += 2;
        }
        if row < strip.rows {
            tile::<1, LINES>(strip, row);
        }
    }
}

/// # Safety
/// As [`multiply_strip`], for `ROWS` rows from `row` on.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn tile<const ROWS: usize, const LINES: usize>(strip: Strip<'_>, row: usize) {
    let mut sums = [[_mm512_setzero_ps(); LINES]; ROWS];
    let mut panel: *const f32 = strip.panel.as_ptr().cast();
    // SAFETY: cells and lines exist by the caller's promise; columns past the width are masked off.
    unsafe {
        for left in strip.left {
            accumulate(*left, row, panel, &mut sums);
            panel = panel.add(left.cells * LINES * LANES);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let columns = LANES.min(strip.width.saturating_sub(j * LANES));
                store_avx512(strip.destination.at(row + i, j * LANES), *sum, columns);
            }
        }
    }
}

/// # Safety
/// As [`tile`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn accumulate<const ROWS: usize, const LINES: usize>(
    left: LeftCells,
    row: usize,
    panel: *const f32,
    sums: &mut [[__m512; LINES]; ROWS],
) {
    // SAFETY: reads the cells of `ROWS` rows and `cells x LINES` lines, which the caller promised.
    unsafe {
        let starts: [*const f32; ROWS] =
            std::array::from_fn(|i| left.start.add((row + i) * left.row_stride).cast());
        let mut line = panel;
        for step in 0..left.cells {
            let right: [__m512; LINES] = std::array::from_fn(|j| _mm512_load_ps(line.add(j * LANES)));
            for i in 0..ROWS {
                let value = _mm512_set1_ps(*starts[i].add(step * left.cell_stride));
                for j in 0..LINES {
                    sums[i][j] = _mm512_fmadd_ps(value, right[j], sums[i][j]);
                }
            }
            line = line.add(LINES * LANES);
        }
    }
}
