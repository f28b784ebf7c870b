//! AVX-512 with bf16 dot products: numbers of up to 8 bits are exact in bf16, so products with them are
//! summed before scales come in.

use std::arch::x86_64::*;

use crate::bf16::as_bf16;
use crate::matrix::View;
use crate::number::Number;
use crate::product::pack::{LANES, Line, transpose_rows};
use crate::quantised::half::widen_lanes;
use crate::quantised::tile::Block;
use crate::quantised::{BLOCK, Format, QuantisedView};
use crate::scratch::with_scratch;

/// As [`super::add_few_rows`].
///
/// # Safety
/// The processor must have AVX-512 F, BW, VL and BF16; shapes must fit and the numbers be bf16.
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn add_few_rows<N: Number>(left: View<'_, N>, right: QuantisedView<'_>, sums: &mut [f32]) {
    let table = table(right.matrix.format());
    let block_sums = &if right.matrix.minima.is_empty() { Vec::new() } else { block_sums(left) };
    with_scratch(|lines: &mut Vec<Line>| {
        let start = if left.rows == 1 { left.data.as_ptr().cast() } else { weave(left, lines) };
        let operands = Operands { start, pairs: left.cols.div_ceil(N::PER_CELL), right, block_sums, table };
        for group in 0..right.groups() {
            let mut row = 0;
            // SAFETY: rows of the left operand and groups of the right one, as promised by the caller.
            unsafe {
                while row + 16 <= left.rows {
                    rows::<16, true>(&operands, group, row, sums);
                    row += 16;
                }
                if row + 8 <= left.rows {
                    rows::<8, true>(&operands, group, row, sums);
                    row += 8;
                }
                if row + 4 <= left.rows {
                    rows::<4, true>(&operands, group, row, sums);
                    row += 4;
                }
                if row + 2 <= left.rows {
                    rows::<2, true>(&operands, group, row, sums);
                    row += 2;
                }
                match left.rows - row {
                    0 => {}
                    _ if left.rows == 1 => rows::<1, false>(&operands, group, row, sums),
                    _ => rows::<1, true>(&operands, group, row, sums),
                }
            }
        }
    });
}

/// Sixteen rows in a line for each pair, sixteen after sixteen: from there any pair of any row is a constant
/// away, and no register is needed for each row.
fn weave<N: Number>(left: View<'_, N>, lines: &mut Vec<Line>) -> *const i32 {
    let pairs = left.cols.div_ceil(N::PER_CELL);
    let needed = left.rows.div_ceil(LANES) * pairs;
    if lines.len() < needed {
        lines.resize(needed, Line::ZERO);
    }
    for (index, lines) in lines[..needed].chunks_mut(pairs.max(1)).enumerate() {
        let rows = left.rows(index * LANES..left.rows.min((index + 1) * LANES));
        transpose_rows(rows, lines, (0, 1));
    }
    lines.as_ptr().cast()
}

/// Sums of the blocks of each row, `[rows, blocks]`: what minima are multiplied by. Sixteen blocks stand side
/// by side, so that the pairs of each are added one after the other.
#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn block_sums<N: Number>(left: View<'_, N>) -> Vec<f32> {
    let blocks = left.cols / BLOCK;
    let ones = as_bf16(_mm512_set1_epi32(0x3F80_3F80));
    let mut sums = vec![0.0; left.rows * blocks];
    let mut lines = [Line::ZERO; BLOCK / 2];
    for (row, sums) in sums.chunks_mut(blocks.max(1)).enumerate() {
        let row = left.row(row).chunks(LANES * BLOCK);
        for (numbers, sums) in row.zip(sums.chunks_mut(LANES)) {
            transpose_rows(View::new(numbers, sums.len(), BLOCK), &mut lines, (0, 1));
            let total = lines.iter().fold(_mm512_setzero_ps(), |total, line| {
                // SAFETY: a line is 64 bytes aligned to 64.
                let pairs = unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
                _mm512_dpbf16_ps(total, as_bf16(pairs), ones)
            });
            let mask = ((1_u32 << sums.len()) - 1) as __mmask16;
            // SAFETY: the mask stops at the last block.
            unsafe { _mm512_mask_storeu_ps(sums.as_mut_ptr(), mask, total) };
        }
    }
    sums
}

struct Operands<'a> {
    /// Pairs of one row, or of woven rows.
    start: *const i32,
    /// Pairs in a row.
    pairs: usize,
    right: QuantisedView<'a>,
    block_sums: &'a [f32],
    table: __m512i,
}

impl Operands<'_> {
    /// The first pair of a block of a row.
    fn block_start<const WOVEN: bool>(&self, row: usize, block: usize) -> *const i32 {
        let pair = block * (BLOCK / 2);
        let at = if WOVEN { (row / LANES * self.pairs + pair) * LANES + row % LANES } else { pair };
        self.start.wrapping_add(at)
    }
}

/// # Safety
/// As [`add_few_rows`], for `ROWS` rows from `row` on.
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
unsafe fn rows<const ROWS: usize, const WOVEN: bool>(
    operands: &Operands<'_>,
    group: usize,
    row: usize,
    sums: &mut [f32],
) {
    // SAFETY: promised by the caller.
    let totals = unsafe {
        match operands.right.matrix.format() {
            Format::Q8_0 => totals::<ROWS, 8, WOVEN>(operands, group, row),
            Format::Q4_0 | Format::Q4_1 => totals::<ROWS, 4, WOVEN>(operands, group, row),
        }
    };
    let width = operands.right.rows;
    let columns = LANES.min(width - group * LANES);
    let mask = ((1_u32 << columns) - 1) as __mmask16;
    for (i, total) in totals.into_iter().enumerate() {
        let to = &mut sums[(row + i) * width + group * LANES..][..columns];
        // SAFETY: the mask stops at the last column.
        unsafe {
            let before = _mm512_maskz_loadu_ps(mask, to.as_ptr());
            _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, _mm512_add_ps(before, total));
        }
    }
}

/// Sixteen columns of `ROWS` rows of the product.
///
/// # Safety
/// As [`rows`].
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
unsafe fn totals<const ROWS: usize, const BITS: usize, const WOVEN: bool>(
    operands: &Operands<'_>,
    group: usize,
    row: usize,
) -> [__m512; ROWS] {
    let Operands { right, block_sums, table, .. } = operands;
    let blocks = right.blocks();
    let mut totals = [_mm512_setzero_ps(); ROWS];
    for index in 0..blocks {
        let block = right.block(group, index);
        // SAFETY: sixteen pairs of each row belong to this block.
        let sums = unsafe {
            block_products::<ROWS, BITS, WOVEN>(*table, block, operands.block_start::<WOVEN>(row, index))
        };
        let scales = widen_lanes(block.scales);
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = _mm512_fmadd_ps(scales, sum, *total);
        }
        if let Some(minima) = block.minima {
            let minima = widen_lanes(minima);
            for (i, total) in totals.iter_mut().enumerate() {
                let sum = _mm512_set1_ps(block_sums[(row + i) * blocks + index]);
                *total = _mm512_fmadd_ps(minima, sum, *total);
            }
        }
    }
    totals
}

/// The numbers of a block times sixteen pairs of `ROWS` rows, woven or one alone.
///
/// # Safety
/// As [`totals`]; sixteen pairs of each row must be readable from `start` on.
#[expect(unsafe_code, reason = "reads by pointer")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
#[inline]
unsafe fn block_products<const ROWS: usize, const BITS: usize, const WOVEN: bool>(
    table: __m512i,
    block: Block<'_>,
    start: *const i32,
) -> [__m512; ROWS] {
    let mut sums = [_mm512_setzero_ps(); ROWS];
    for (index, line) in block.lines.iter().enumerate() {
        // SAFETY: a line is 64 bytes aligned to 64.
        let lanes = unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) };
        for pair in 0..16 / BITS {
            let weights = as_bf16(numbers::<BITS>(table, lanes, pair));
            let at = (index * (16 / BITS) + pair) * if WOVEN { LANES } else { 1 };
            for (row, sum) in sums.iter_mut().enumerate() {
                // SAFETY: one of sixteen pairs of the row.
                let x = unsafe { start.add(at + if WOVEN { row } else { 0 }).read_unaligned() };
                *sum = _mm512_dpbf16_ps(*sum, weights, as_bf16(_mm512_set1_epi32(x)));
            }
        }
    }
    sums
}

/// What 4-bit numbers are in bf16, twice: a lookup uses five bits, and of those the lowest four matter.
#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx512f")]
fn table(format: Format) -> __m512i {
    let from = if format == Format::Q4_0 { -8 } else { 0 };
    let number = |index: usize| ((index % 16) as i32 + from) as f32;
    let pairs: [u32; LANES] =
        std::array::from_fn(|i| number(2 * i).to_bits() >> 16 | number(2 * i + 1).to_bits());
    // SAFETY: sixteen numbers of 32 bits are 512 bits.
    unsafe { _mm512_loadu_si512(pairs.as_ptr().cast()) }
}

/// One pair of each lane in bf16.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn numbers<const BITS: usize>(table: __m512i, lanes: __m512i, pair: usize) -> __m512i {
    if BITS == 4 {
        let shifted = _mm512_srl_epi16(lanes, _mm_cvtsi32_si128(4 * pair as i32));
        return _mm512_permutexvar_epi16(shifted, table);
    }
    let (low, high) = match pair {
        0 => (_mm512_slli_epi32::<24>(lanes), _mm512_slli_epi32::<8>(lanes)),
        _ => (_mm512_slli_epi32::<16>(lanes), lanes),
    };
    let low = _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(low));
    let high = _mm512_cvtepi32_ps(_mm512_srai_epi32::<24>(high));
    // Eight bits fit the upper half of an f32.
    _mm512_or_si512(_mm512_srli_epi32::<16>(_mm512_castps_si512(low)), _mm512_castps_si512(high))
}
