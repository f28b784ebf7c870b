//! AVX2 with fused multiply-add: one line of the panel at a time, four rows x 16 columns.

use std::arch::x86_64::*;

use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, LeftCells, Strip};

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AVX2 and FMA.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    for group in 0..strip.width.div_ceil(LANES) {
        let mut row = 0;
        // SAFETY: the tiles stay inside the strip's rows and lines.
        unsafe {
            while row + 4 <= strip.rows {
                tile::<4>(strip, row, group);
                row += 4;
            }
            while row < strip.rows {
                tile::<1>(strip, row, group);
                row += 1;
            }
        }
    }
}

/// # Safety
/// As [`multiply_strip`], for `ROWS` rows from `row` on and columns `16 group..16 group + 16`.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn tile<const ROWS: usize>(strip: Strip<'_>, row: usize, group: usize) {
    let across = strip.across;
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    let mut panel = strip.panel.as_ptr();
    // SAFETY: pairs and lines exist by the caller's promise; columns past the width are not stored.
    unsafe {
        panel = panel.add(group);
        for left in strip.left {
            accumulate(*left, row, (panel, across), &mut sums);
            panel = panel.wrapping_add(left.cells * across);
        }
        let columns = LANES.min(strip.width - group * LANES);
        for (i, sums) in sums.iter().enumerate() {
            let mut values = [0.0_f32; LANES];
            _mm256_storeu_ps(values.as_mut_ptr(), sums[0]);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), sums[1]);
            store(strip.destination.at(row + i, group * LANES), &values[..columns]);
        }
    }
}

/// # Safety
/// As [`tile`]; lines are `across` apart.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn accumulate<const ROWS: usize>(
    left: LeftCells,
    row: usize,
    (panel, across): (*const Line, usize),
    sums: &mut [[__m256; 2]; ROWS],
) {
    // SAFETY: reads the pairs of `ROWS` rows and `pairs` lines, which the caller promised.
    unsafe {
        for pair in 0..left.cells {
            let line: *const __m256i = panel.add(pair * across).cast();
            let right = [widen(_mm256_load_si256(line)), widen(_mm256_load_si256(line.add(1)))];
            for (i, sums) in sums.iter_mut().enumerate() {
                let at = (row + i) * left.row_stride + pair * left.cell_stride;
                let both = left.start.add(at).read_unaligned();
                let [low, high] = widen(_mm256_set1_epi32(both as i32));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm256_fmadd_ps(low, right[0], *sum);
                    *sum = _mm256_fmadd_ps(high, right[1], *sum);
                }
            }
        }
    }
}

/// The low and the high numbers of eight pairs.
#[target_feature(enable = "avx2")]
#[inline]
fn widen(pairs: __m256i) -> [__m256; 2] {
    let high = _mm256_and_si256(pairs, _mm256_set1_epi32(0xFFFF_0000_u32 as i32));
    [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)), _mm256_castsi256_ps(high)]
}

/// # Safety
/// As many elements of the destination as there are values must be writable.
#[expect(unsafe_code, reason = "stores by pointer")]
unsafe fn store(destination: Destination, values: &[f32]) {
    for (i, value) in values.iter().enumerate() {
        // SAFETY: promised by the caller.
        unsafe { destination.at(0, i).put(*value) };
    }
}
