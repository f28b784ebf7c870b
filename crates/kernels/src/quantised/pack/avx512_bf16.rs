//! Blocks dequantised and rounded with AVX-512: a table for 4-bit numbers, conversion for 8-bit ones.

use std::arch::x86_64::*;

use super::Woven;
use crate::product::pack::{LANES, Line, transpose};
use crate::quantised::half::widen_lanes;
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
        Format::Q4_0 | Format::Q4_1 => pairs_of::<4>(block),
        Format::Q8_0 => pairs_of::<8>(block),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn pairs_of<const BITS: usize>(block: Block<'_>) -> [__m512i; PAIRS] {
    let (dequantiser, headers) = (Dequantiser::new(block.format), Dequantiser::headers(block));
    let mut pairs = [_mm512_setzero_si512(); PAIRS];
    for (line, pairs) in block.lines.iter().zip(pairs.chunks_mut(16 / BITS)) {
        let lanes = load(line);
        for (place, pair) in pairs.iter_mut().enumerate() {
            *pair = dequantiser.pair::<BITS>(lanes, place, headers);
        }
    }
    pairs
}

/// What all blocks of a format need.
#[derive(Debug, Clone, Copy)]
struct Dequantiser {
    /// The 4-bit numbers.
    table: __m512,
    /// Of 32 numbers, in the order of the cells, where the first halves of cells and the second lie.
    order: __m512i,
}

/// Scales and minima of sixteen rows of a block; minima are zero where the format has none.
type Headers = (__m512, __m512);

impl Dequantiser {
    #[expect(unsafe_code, reason = "loads by pointer")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    fn new(format: Format) -> Self {
        const COUNT: [f32; LANES] =
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
        const ORDER: [u32; LANES] = {
            let mut order = [0; LANES];
            let mut cell = 0;
            while cell < LANES {
                order[cell] = (cell | (LANES + cell) << 16) as u32;
                cell += 1;
            }
            order
        };
        let from = if format == Format::Q4_0 { _mm512_set1_ps(-8.0) } else { _mm512_setzero_ps() };
        // SAFETY: sixteen numbers of 32 bits are 512 bits.
        let (count, order) =
            unsafe { (_mm512_loadu_ps(COUNT.as_ptr()), _mm512_loadu_si512(ORDER.as_ptr().cast())) };
        Self { table: _mm512_add_ps(count, from), order }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    fn headers(block: Block<'_>) -> Headers {
        (widen_lanes(block.scales), block.minima.map_or(_mm512_setzero_ps(), |minima| widen_lanes(minima)))
    }

    /// The pair at one place of each lane of a line of numbers with so many bits, in bf16.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    fn pair<const BITS: usize>(self, lanes: __m512i, place: usize, (scales, minima): Headers) -> __m512i {
        let (even, odd) = if BITS == 4 {
            // The permutation looks at the lowest four bits of each lane alone.
            let number = |shift: usize| {
                let index = _mm512_srl_epi32(lanes, _mm_cvtsi32_si128(shift as i32));
                _mm512_fmadd_ps(_mm512_permutexvar_ps(index, self.table), scales, minima)
            };
            (number(4 * place), number(4 * place + 16))
        } else {
            let number = |shift: usize| {
                let top = _mm512_sll_epi32(lanes, _mm_cvtsi32_si128(shift as i32));
                _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(top)), scales)
            };
            (number(24 - 8 * place), number(8 - 8 * place))
        };
        _mm512_permutexvar_epi16(self.order, rounded(even, odd))
    }
}

/// The nearest bf16 numbers to those of `low`, then those to `high`.
#[expect(unsafe_code, reason = "reads bits as another vector type")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
fn rounded(low: __m512, high: __m512) -> __m512i {
    // SAFETY: both are 512 plain bits.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
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
