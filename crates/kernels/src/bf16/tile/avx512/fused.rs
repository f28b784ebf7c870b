//! AVX-512 without bf16 instructions: pairs are widened to f32 and multiplied by fused multiply-add.

use std::arch::x86_64::*;

use crate::product::avx512::{stores, strips};
use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

strips!("avx512f,avx512bw,avx512vl", whole: [1 => 12, 2 => 8, 3 => 6, 4 => 4]);
stores!("avx512f,avx512bw,avx512vl");

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
