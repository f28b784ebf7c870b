//! AVX2 with fused multiply-add: 12 accumulators, 6 rows x 16 columns.

use std::arch::x86_64::*;

use crate::product::pack::LANES;
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

/// Rows of a whole tile.
const ROWS: usize = 6;
/// Numbers in a register.
const HALF: usize = LANES / 2;

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AVX2 and FMA.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    for group in 0..strip.width.div_ceil(LANES) {
        let whole = strip.rows / ROWS * ROWS;
        // SAFETY: the tiles stay inside the strip's rows and lines.
        unsafe {
            for row in (0..whole).step_by(ROWS) {
                tile::<ROWS>(strip, row, group);
            }
            match strip.rows - whole {
                0 => {}
                1 => tile::<1>(strip, whole, group),
                2 => tile::<2>(strip, whole, group),
                3 => tile::<3>(strip, whole, group),
                4 => tile::<4>(strip, whole, group),
                _ => tile::<5>(strip, whole, group),
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
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    // SAFETY: cells and lines exist by the caller's promise; columns past the width are not stored.
    unsafe {
        let mut panel: *const f32 = strip.panel.as_ptr().wrapping_add(group).cast();
        for left in strip.left {
            panel = accumulate(*left, row, (panel, strip.across * LANES), &mut sums);
        }
        let columns = LANES.min(strip.width - group * LANES);
        for (i, [low, high]) in sums.into_iter().enumerate() {
            let destination = strip.destination.at(row + i, group * LANES);
            if columns == LANES {
                store_whole(destination, low, high);
            } else {
                store_some(destination, low, high, columns);
            }
        }
    }
}

/// Adds a term, whose lines are `stride` numbers apart, and returns where the next term's begin.
///
/// # Safety
/// As [`tile`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn accumulate<const ROWS: usize>(
    left: LeftCells,
    row: usize,
    (panel, stride): (*const f32, usize),
    sums: &mut [[__m256; 2]; ROWS],
) -> *const f32 {
    // SAFETY: reads the cells of `ROWS` rows and `cells` lines, which the caller promised.
    unsafe {
        let starts: [*const f32; ROWS] =
            std::array::from_fn(|i| left.start.add((row + i) * left.row_stride).cast());
        let mut line = panel;
        for step in 0..left.cells {
            let right = [_mm256_load_ps(line), _mm256_load_ps(line.add(HALF))];
            for i in 0..ROWS {
                let value = _mm256_broadcast_ss(&*starts[i].add(step * left.cell_stride));
                sums[i][0] = _mm256_fmadd_ps(value, right[0], sums[i][0]);
                sums[i][1] = _mm256_fmadd_ps(value, right[1], sums[i][1]);
            }
            line = line.wrapping_add(stride);
        }
        line
    }
}

/// # Safety
/// 16 elements of the destination must be writable.
#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store_whole(destination: Destination, low: __m256, high: __m256) {
    // SAFETY: promised by the caller.
    unsafe {
        match destination.kind {
            DestinationKind::Overwrite(to) => {
                _mm256_storeu_ps(to, low);
                _mm256_storeu_ps(to.add(HALF), high);
            }
            DestinationKind::Add(to) => {
                _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), low));
                let second = to.add(HALF);
                _mm256_storeu_ps(second, _mm256_add_ps(_mm256_loadu_ps(second), high));
            }
            DestinationKind::Round(_) => store_some(destination, low, high, LANES),
        }
    }
}

/// # Safety
/// As many elements of the destination as there are columns must be writable.
#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx2")]
unsafe fn store_some(destination: Destination, low: __m256, high: __m256, columns: usize) {
    let mut values = [0.0_f32; LANES];
    // SAFETY: the values are sixteen; the rest is promised by the caller.
    unsafe {
        _mm256_storeu_ps(values.as_mut_ptr(), low);
        _mm256_storeu_ps(values.as_mut_ptr().add(HALF), high);
        for (column, value) in values[..columns].iter().enumerate() {
            destination.at(0, column).put(*value);
        }
    }
}
