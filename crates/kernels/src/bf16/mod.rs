//! Numbers in bf16 (the upper half of an f32) and products of them, summed in f32.

mod gemv;
mod interleave;
mod matrix;
mod pack;
mod packed;
mod product;
mod tile;

pub use interleave::{Interleaved, InterleavedView};
pub use matrix::{Bf16Matrix, Bf16View};
pub(crate) use packed::Packed;
pub use product::{Left, Product, Right, Target, Term, multiply_bf16};

use crate::simd::vectorised;

/// A bf16 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Bf16(pub(crate) u16);

impl Bf16 {
    /// The nearest bf16, ties to even. A NaN stays a NaN.
    #[inline(always)]
    pub fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
        let quiet_nan = bits >> 16 | 0x40;
        Self(if value.is_nan() { quiet_nan } else { rounded } as u16)
    }

    /// The same number in f32.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

vectorised! {
    /// Rounds each number to bf16.
    pub fn round_to_bf16(values: &[f32], rounded: &mut [Bf16]) {
        for (to, from) in rounded.iter_mut().zip(values) {
            *to = Bf16::from_f32(*from);
        }
    }

    /// Inner product of two vectors of one length, in sixteen lanes.
    pub(crate) fn dot_bf16(left: &[Bf16], right: &[Bf16]) -> f32 {
        const LANES: usize = 16;
        let mut lanes = [0.0_f32; LANES];
        let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
        let rest = left_chunks.remainder().iter().zip(right_chunks.remainder());
        let tail: f32 = rest.map(|(a, b)| a.to_f32() * b.to_f32()).sum();
        for (a, b) in left_chunks.zip(right_chunks) {
            for lane in 0..LANES {
                lanes[lane] += a[lane].to_f32() * b[lane].to_f32();
            }
        }
        lanes.iter().sum::<f32>() + tail
    }

    /// Widens each number to f32.
    pub fn widen_from_bf16(values: &[Bf16], widened: &mut [f32]) {
        for (to, from) in widened.iter_mut().zip(values) {
            *to = from.to_f32();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        round_to_bf16(&values, &mut rounded);
        let mut back = vec![0.0; values.len()];
        widen_from_bf16(&rounded, &mut back);
        assert_eq!(back, values);
    }
}
