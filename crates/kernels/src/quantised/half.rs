//! Scales are f16 in files and stay so in memory.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
use crate::product::pack::LANES;

/// The number as f32, exactly. Only for finite numbers. Written so that a loop over it becomes vector code.
#[inline(always)]
pub(super) fn widen(half: u16) -> f32 {
    // The bits read as f32 are the number times 2^-112, also where it is subnormal.
    const TWO_TO_112: f32 = f32::from_bits(0x7780_0000);
    let magnitude = f32::from_bits(u32::from(half & 0x7FFF) << 13) * TWO_TO_112;
    f32::from_bits(magnitude.to_bits() | u32::from(half & 0x8000) << 16)
}

/// Sixteen numbers as f32, as [`widen`].
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn widen_lanes(halves: &[u16; LANES]) -> __m512 {
    // SAFETY: sixteen numbers of 16 bits are 256 bits.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(halves.as_ptr().cast()) })
}

/// The nearest f16, ties to even; infinite where the number is too large, not a number where it is none.
pub(super) fn round(value: f32) -> u16 {
    /// Halfway between the largest f16 and the next power of two.
    const TOO_LARGE: u32 = 0x477F_F000;
    /// The smallest normal f16, 2^-14.
    const NORMAL: u32 = 0x3880_0000;
    let bits = value.to_bits();
    let (sign, magnitude) = ((bits >> 16) as u16 & 0x8000, bits & 0x7FFF_FFFF);
    let rounded = if value.is_nan() {
        0x7E00
    } else if magnitude >= TOO_LARGE {
        0x7C00
    } else if magnitude < NORMAL {
        // The last place of 0.5 in f32 is that of subnormal numbers in f16.
        ((f32::from_bits(magnitude) + 0.5).to_bits() - 0.5_f32.to_bits()) as u16
    } else {
        ((magnitude + 0xFFF + (magnitude >> 13 & 1) - (112 << 23)) >> 13) as u16
    };
    sign | rounded
}

/// Whether it is neither infinite nor not a number.
pub(super) fn is_finite(half: u16) -> bool {
    half & 0x7C00 != 0x7C00
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_number_survives_both_ways() {
        for half in (0..=u16::MAX).filter(|half| is_finite(*half)) {
            assert_eq!(round(widen(half)), half, "{half:#x}");
        }
        assert_eq!((widen(0x3C00), widen(0xC000), widen(1)), (1.0, -2.0, 2.0_f32.powi(-24)));
    }

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        for half in (0..0x7BFF_u16).filter(|half| half % 7 < 2) {
            let (low, high) = (widen(half), widen(half + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(round(middle), if half % 2 == 0 { half } else { half + 1 }, "{half:#x}");
            assert_eq!((round(middle.next_down()), round(middle.next_up())), (half, half + 1), "{half:#x}");
        }
        assert!(!is_finite(round(65520.0)) && is_finite(round(65519.0)) && !is_finite(round(f32::NAN)));
    }
}
