//! Blocks dequantised and rounded with AVX-512: a table for 4-bit numbers, conversion for 8-bit ones.

use std::arch::x86_64::*;

use super::Woven;
use crate::product::pack::{LANES, Line, transpose};
use crate::quantised::tile::Block;
use crate::quantised::{BLOCK, Format};

/// Pairs of numbers in a block.
const PAIRS: usize = BLOCK / 2;

/// As [`super::by_row_lanes`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) fn by_row_lanes(block: Block<'_>, woven: &mut Woven) {
    for (line, pair) in woven.iter_mut().zip(pairs(block)) {
        store(line, pair);
    }
}

/// As [`super::by_column_lanes`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) fn by_column_lanes(block: Block<'_>, woven: &mut Woven) {
    let rows = transpose(pairs(block));
    for (pair, [first, second]) in woven.as_chunks_mut().0.iter_mut().take(LANES / 2).enumerate() {
        let (low, high) = (rows[2 * pair], rows[2 * pair + 1]);
        let (low_half, high_half) = (_mm512_castsi512_si256(low), _mm512_castsi512_si256(high));
        store(first, interleave(low_half, high_half));
        let (low_half, high_half) =
            (_mm512_extracti64x4_epi64::<1>(low), _mm512_extracti64x4_epi64::<1>(high));
        store(second, interleave(low_half, high_half));
    }
}

/// For each pair of columns sixteen rows, rounded.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn pairs(block: Block<'_>) -> [__m512i; PAIRS] {
    match block.format {
        Format::Q4_0 | Format::Q4_1 => pairs_of_4_bits(block),
        Format::Q8_0 => pairs_of_8_bits(block),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn pairs_of_4_bits(block: Block<'_>) -> [__m512i; PAIRS] {
    let count =
        _mm512_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0);
    let from = if block.format == Format::Q4_0 { _mm512_set1_ps(-8.0) } else { _mm512_setzero_ps() };
    let table = _mm512_add_ps(count, from);
    let (scales, minima) = headers(block);
    let mut pairs = [_mm512_setzero_si512(); PAIRS];
    for (line, pairs) in block.lines.iter().zip(pairs.chunks_mut(4)) {
        let mut lanes = load(line);
        for pair in pairs {
            // The permutation looks at the lowest four bits of each lane alone.
            let even = _mm512_permutexvar_ps(lanes, table);
            let odd = _mm512_permutexvar_ps(_mm512_srli_epi32::<16>(lanes), table);
            *pair = round(_mm512_fmadd_ps(even, scales, minima), _mm512_fmadd_ps(odd, scales, minima));
            lanes = _mm512_srli_epi32::<4>(lanes);
        }
    }
    pairs
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn pairs_of_8_bits(block: Block<'_>) -> [__m512i; PAIRS] {
    let (scales, _) = headers(block);
    let mut pairs = [_mm512_setzero_si512(); PAIRS];
    for (line, [first, second]) in block.lines.iter().zip(pairs.as_chunks_mut().0) {
        let lanes = load(line);
        let number =
            |shifted: __m512i| _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(shifted)), scales);
        let even = number(_mm512_slli_epi32::<24>(lanes));
        *first = round(even, number(_mm512_slli_epi32::<8>(lanes)));
        let even = number(_mm512_slli_epi32::<16>(lanes));
        *second = round(even, number(lanes));
    }
    pairs
}

/// Scales and minima of sixteen rows; the minima are zero where the format has none.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn headers(block: Block<'_>) -> (__m512, __m512) {
    (widen(block.scales), block.minima.map_or(_mm512_setzero_ps(), |minima| widen(minima)))
}

#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
fn widen(halves: &[u16; LANES]) -> __m512 {
    // SAFETY: sixteen numbers of 16 bits are 256 bits.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(halves.as_ptr().cast()) })
}

/// Pairs of the nearest bf16 numbers.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn round(even: __m512, odd: __m512) -> __m512i {
    interleave(rounded(even), rounded(odd))
}

#[expect(unsafe_code, reason = "reads bits as another vector type")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn rounded(values: __m512) -> __m256i {
    // SAFETY: both are 256 plain bits.
    unsafe { std::mem::transmute(_mm512_cvtneps_pbh(values)) }
}

/// The numbers of `low` in the low halves of lanes, those of `high` in the high halves.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn interleave(low: __m256i, high: __m256i) -> __m512i {
    let high = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(high));
    _mm512_or_si512(_mm512_cvtepu16_epi32(low), high)
}

#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes aligned to 64.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
}

#[expect(unsafe_code, reason = "stores by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
fn store(line: &mut Line, bits: __m512i) {
    // SAFETY: a line is 64 bytes aligned to 64.
    unsafe { _mm512_store_si512(std::ptr::from_mut(line).cast(), bits) }
}
