//! AVX-512 with bf16 dot products: 24 accumulators, 6 rows x 64 columns for whole panels.

use std::arch::x86_64::*;

use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AVX-512 F, BW, VL and BF16.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match strip.across {
            4 => rows::<6, 4>(strip),
            3 => rows::<8, 3>(strip),
            2 => rows::<12, 2>(strip),
            _ => rows::<12, 1>(strip),
        }
    }
}

/// Whole tiles of `ROWS` rows, then what is left in tiles of 4, 2 and 1.
///
/// # Safety
/// As [`multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
unsafe fn tile<const ROWS: usize, const LINES: usize>(strip: Strip<'_>, row: usize) {
    let mut sums = [[_mm512_setzero_ps(); LINES]; ROWS];
    let mut panel = strip.panel.as_ptr();
    // SAFETY: pairs and lines exist by the caller's promise; columns past the width are masked off.
    unsafe {
        for left in strip.left {
            accumulate(*left, row, panel, &mut sums);
            panel = panel.add(left.cells * LINES);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let columns = LANES.min(strip.width.saturating_sub(j * LANES));
                store(strip.destination.at(row + i, j * LANES), *sum, columns);
            }
        }
    }
}

/// # Safety
/// As [`tile`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn accumulate<const ROWS: usize, const LINES: usize>(
    left: LeftCells,
    row: usize,
    panel: *const Line,
    sums: &mut [[__m512; LINES]; ROWS],
) {
    // SAFETY: reads the pairs of `ROWS` rows and `pairs x LINES` lines, which the caller promised.
    unsafe {
        let starts: [*const i32; ROWS] =
            std::array::from_fn(|i| left.start.add((row + i) * left.row_stride).cast());
        let mut line: *const i32 = panel.cast();
        for pair in 0..left.cells {
            let right: [__m512i; LINES] =
                std::array::from_fn(|j| _mm512_load_si512(line.add(j * LANES).cast()));
            for i in 0..ROWS {
                let value = starts[i].add(pair * left.cell_stride).read_unaligned();
                let value = as_bf16(_mm512_set1_epi32(value));
                for j in 0..LINES {
                    sums[i][j] = _mm512_dpbf16_ps(sums[i][j], value, as_bf16(right[j]));
                }
            }
            line = line.add(LINES * LANES);
        }
    }
}

#[expect(unsafe_code, reason = "reads bits as another vector type")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn as_bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 plain bits.
    unsafe { std::mem::transmute(bits) }
}

/// # Safety
/// The first `columns` elements of the destination must be writable.
#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
unsafe fn store(destination: Destination, sums: __m512, columns: usize) {
    let mask = ((1_u32 << columns) - 1) as __mmask16;
    // SAFETY: the mask stops at the last column.
    unsafe {
        match destination.kind {
            DestinationKind::Overwrite(to) => _mm512_mask_storeu_ps(to, mask, sums),
            DestinationKind::Add(to) => {
                let before = _mm512_maskz_loadu_ps(mask, to);
                _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(before, sums));
            }
            DestinationKind::Round(to) => {
                let rounded: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(sums));
                _mm256_mask_storeu_epi16(to.cast(), mask, rounded);
            }
        }
    }
}
