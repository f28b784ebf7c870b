//! One body, compiled for several instruction sets and chosen at run time.
//!
//! The bodies are plain Rust without fused multiply-add, so every instruction set gives the same bits.

/// Declares functions, generic over numbers where they need be, whose bodies are compiled for AVX-512,
/// AVX2 and the portable baseline.
macro_rules! vectorised {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident $(<$($number:ident: $bound:ident),+>)?
        ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        $visibility fn $name$(<$($number: $bound),+>)?($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn portable$(<$($number: $bound),+>)?($($argument: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512$(<$($number: $bound),+>)?($($argument: $type),*) $(-> $result)? {
                    portable$(::<$($number),+>)?($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2$(<$($number: $bound),+>)?($($argument: $type),*) $(-> $result)? {
                    portable$(::<$($number),+>)?($($argument),*)
                }
                match crate::cpu::level() {
                    crate::cpu::Level::Portable => {}
                    crate::cpu::Level::Avx2 => {
                        // SAFETY: the level says that the processor has AVX2.
                        #[expect(unsafe_code, reason = "calls a function compiled for AVX2")]
                        return unsafe { avx2$(::<$($number),+>)?($($argument),*) };
                    }
                    crate::cpu::Level::Avx512
                    | crate::cpu::Level::Avx512Bf16
                    | crate::cpu::Level::Amx => {
                        // SAFETY: the level says that the processor has these parts of AVX-512.
                        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
                        return unsafe { avx512$(::<$($number),+>)?($($argument),*) };
                    }
                }
            }
            portable$(::<$($number),+>)?($($argument),*)
        }
    )*};
}

pub(crate) use vectorised;

/// e^x in f32 within 2 units in the last place for x from -87 to 88, and as at the nearer end beyond: never
/// zero, subnormal or infinite. Written so that a loop over it becomes vector code.
/// Range reduction to [-ln2/2, ln2/2] and a degree-6 minimax polynomial (Cephes `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// Added to a small number it leaves the nearest integer in the lowest bits, so that rounding takes no
    /// conversion.
    const SHIFT: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let exponent = shifted - SHIFT;
    let r = x - exponent * LN2_HIGH - exponent * LN2_LOW;
    let mut polynomial = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        polynomial = polynomial * r + coefficient;
    }
    let mantissa = polynomial * r * r + r + 1.0;
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    mantissa * scale
}

/// The sum of sixteen lanes, in halves: no addition waits for more than three others.
#[inline(always)]
pub(crate) fn sum_of_lanes(mut lanes: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut x = -86.0_f32;
        while x < 87.5 {
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.4e-7, "exp({x}): relative error {error:e}");
            x += 0.003_7;
        }
    }

    #[test]
    fn exp_beyond_its_ends_is_as_at_them() {
        assert_eq!(exp(f32::NEG_INFINITY), exp(-87.0));
        assert_eq!(exp(f32::INFINITY), exp(88.0));
        assert!(exp(-87.0) < 1e-37 && exp(88.0) > 1e38 && exp(88.0).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }
}
