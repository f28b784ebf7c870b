//! AVX-512 without bf16 instructions: pairs are widened to f32 and multiplied by fused multiply-add.

use std::arch::x86_64::*;

use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

/// # Safety
/// As [`super::multiply_strip`]; the processor must have AVX-512 F, BW, and VL.
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match strip.across {
            4 => rows::<4, 4>(strip),
            3 => rows::<6, 3>(strip),
            2 => rows::<8, 2>(strip),
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
#[target_feature(enable = "avx512f")]
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
            let right: [[__m512; 2]; LINES] =
                std::array::from_fn(|j| widen(_mm512_load_si512(line.add(j * LANES).cast())));
            for i in 0..ROWS {
                let value = starts[i].add(pair * left.cell_stride).read_unaligned();
                let [low, high] = widen(_mm512_set1_epi32(value));
                for j in 0..LINES {
                    sums[i][j] = _mm512_fmadd_ps(low, right[j][0], sums[i][j]);
                    sums[i][j] = _mm512_fmadd_ps(high, right[j][1], sums[i][j]);
                }
            }
            line = line.add(LINES * LANES);
        }
    }
}

/// The low and the high numbers of sixteen pairs.
#[target_feature(enable = "avx512f")]
#[inline]
fn widen(pairs: __m512i) -> [__m512; 2] {
    let high = _mm512_and_si512(pairs, _mm512_set1_epi32(0xFFFF_0000_u32 as i32));
    [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)), _mm512_castsi512_ps(high)]
}

/// # Safety
/// The first `columns` elements of the destination must be writable.
#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
pub(crate) unsafe fn store(destination: Destination, sums: __m512, columns: usize) {
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
                _mm256_mask_storeu_epi16(to.cast(), mask, round(sums));
            }
        }
    }
}

/// The nearest bf16 numbers, ties to even; a NaN becomes a quiet NaN.
#[target_feature(enable = "avx512f")]
#[inline]
fn round(values: __m512) -> __m256i {
    let bits = _mm512_castps_si512(values);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    let not_a_number = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(values, values);
    let rounded = _mm512_mask_blend_epi32(not_a_number, rounded, _mm512_set1_epi32(0x7FC0_0000));
    _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded))
}
