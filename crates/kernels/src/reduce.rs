//! Small operations on f32 vectors, sums in a fixed order of sixteen lanes so that they vectorise and
//! stay the same bits on every instruction set.

use crate::number::{Number, dot};
use crate::simd::{exp, sum_of_lanes, vectorised};

vectorised! {
    /// `destination += addend`, element by element.
    pub fn add_assign(destination: &mut [f32], addend: &[f32]) {
        assert_eq!(destination.len(), addend.len(), "as many addends as sums");
        for (value, add) in destination.iter_mut().zip(addend) {
            *value += add;
        }
    }

    pub(crate) fn scale(values: &mut [f32], factor: f32) {
        for value in values {
            *value *= factor;
        }
    }

    pub(crate) fn maximum(values: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; 16];
        let chunks = values.chunks_exact(16);
        let mut highest = f32::NEG_INFINITY;
        for value in chunks.remainder() {
            highest = if *value > highest { *value } else { highest };
        }
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
            }
        }
        lanes.iter().fold(highest, |highest, value| if *value > highest { *value } else { highest })
    }

    /// Replaces each value by e^(value - shift) and returns their sum.
    pub(crate) fn exponentials(values: &mut [f32], shift: f32) -> f32 {
        for value in values.iter_mut() {
            *value = exp(*value - shift);
        }
        let mut lanes = [0.0_f32; 16];
        let chunks = values.chunks_exact(16);
        let tail: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += chunk[lane];
            }
        }
        sum_of_lanes(lanes) + tail
    }

    /// The sum of e^(value - shift).
    pub(crate) fn sum_of_exponentials(values: &[f32], shift: f32) -> f32 {
        let mut lanes = [0.0_f32; 16];
        let chunks = values.chunks_exact(16);
        let mut tail = 0.0;
        for value in chunks.remainder() {
            tail += exp(*value - shift);
        }
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += exp(chunk[lane] - shift);
            }
        }
        sum_of_lanes(lanes) + tail
    }

    /// Multiplies numbers by a factor and rounds the products.
    pub(crate) fn scale_numbers<N: Number>(values: &mut [N], factor: f32) {
        for value in values {
            *value = N::from_f32(value.to_f32() * factor);
        }
    }
}

/// Sum of squares in f64, for norms of whole gradients.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    values.chunks(4096).map(|chunk| f64::from(dot(chunk, chunk))).sum()
}
