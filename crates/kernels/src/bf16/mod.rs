//! Numbers in bf16, the upper half of an f32. A cell is a pair of them; products are summed in f32.

mod tile;

pub(crate) use tile::amx_agrees_with_reference;
#[cfg(target_arch = "x86_64")]
pub(crate) use tile::{as_bf16, store_avx512};

use crate::matrix::View;
use crate::number::{Cells, Number};
use crate::product::MOST_LINES;
use crate::product::strip::{DestinationKind, Strip};
use crate::simd::vectorised;

/// A bf16 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Bf16(pub(crate) u16);

impl Number for Bf16 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
        let quiet_nan = bits >> 16 | 0x40;
        Self(if value.is_nan() { quiet_nan } else { rounded } as u16)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

impl Cells for Bf16 {
    const PER_CELL: usize = 2;

    #[inline(always)]
    fn masked(self, kept: u16) -> Self {
        Self(self.0 & kept)
    }

    #[inline(always)]
    fn cell(numbers: &[Self]) -> u32 {
        pair(numbers[0], numbers[1])
    }

    fn weave(rows: View<'_, Self>, cells: &mut [u32]) {
        if rows.rows > 1 {
            return weave_two(rows.row(0), rows.row(1), cells);
        }
        cells.iter_mut().zip(rows.row(0)).for_each(|(cell, low)| *cell = u32::from(low.0));
    }

    fn weave_rounded(values: &[f32], cells: &mut [u32]) {
        let (first, second) = values.split_at(cells.len());
        if !second.is_empty() {
            return round_two(first, second, cells);
        }
        for (cell, low) in cells.iter_mut().zip(first) {
            *cell = u32::from(Self::from_f32(*low).0);
        }
    }

    fn destination(start: *mut Self) -> DestinationKind {
        DestinationKind::Round(start.cast())
    }

    fn panel_lines() -> usize {
        MOST_LINES
    }

    fn row_unit() -> usize {
        tile::row_unit()
    }

    #[expect(unsafe_code, reason = "works on pointers")]
    unsafe fn multiply_strip(strip: Strip<'_>) {
        // SAFETY: passed on to the caller.
        unsafe { tile::multiply_strip(strip) }
    }
}

/// Two numbers in one cell, the first in its low half.
#[inline(always)]
fn pair(low: Bf16, high: Bf16) -> u32 {
    u32::from(low.0) | u32::from(high.0) << 16
}

vectorised! {
    fn weave_two(first: &[Bf16], second: &[Bf16], cells: &mut [u32]) {
        for ((cell, low), high) in cells.iter_mut().zip(first).zip(second) {
            *cell = pair(*low, *high);
        }
    }

    fn round_two(first: &[f32], second: &[f32], cells: &mut [u32]) {
        for ((cell, low), high) in cells.iter_mut().zip(first).zip(second) {
            *cell = pair(Bf16::from_f32(*low), Bf16::from_f32(*high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::{round, widen};

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        let one = 1.0_f32.to_bits();
        let cases = [(0x7FFF, 0), (0x8000, 0), (0x8001, 1), (0x1_8000, 2), (0x1_7FFF, 1)];
        for (added, expected) in cases {
            let got = Bf16::from_f32(f32::from_bits(one + added)).0;
            assert_eq!(u32::from(got), (one >> 16) + expected, "{added:x}");
        }
        assert_eq!(Bf16::from_f32(f32::MAX).to_f32(), f32::INFINITY);
        assert!(Bf16::from_f32(f32::NAN).to_f32().is_nan());
    }

    #[test]
    fn a_number_with_eight_bits_survives_both_ways() {
        let values: Vec<f32> = (-128..128).map(|i| i as f32 * 0.25).collect();
        let mut rounded = vec![Bf16::default(); values.len()];
        round(&values, &mut rounded);
        let mut back = vec![0.0; values.len()];
        widen(&rounded, &mut back);
        assert_eq!(back, values);
    }
}
