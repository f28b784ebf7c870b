//! AVX-512 with bf16 dot products: 24 accumulators, 6 rows x 64 columns for whole panels.

use std::arch::x86_64::*;

use crate::product::avx512::{stores, strips};
use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

strips!("avx512f,avx512bw,avx512vl,avx512bf16", whole: [1 => 12, 2 => 12, 3 => 8, 4 => 6]);
stores!("avx512f,avx512bw,avx512vl,avx512bf16");

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
pub(crate) fn as_bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 plain bits.
    unsafe { std::mem::transmute(bits) }
}

/// The nearest bf16 numbers, ties to even.
#[expect(unsafe_code, reason = "reads bits as another vector type")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn round(values: __m512) -> __m256i {
    // SAFETY: both are 256 plain bits.
    unsafe { std::mem::transmute(_mm512_cvtneps_pbh(values)) }
}
