//! Sums over vectors, in a fixed order of sixteen lanes so that they vectorise and stay the same bits
//! on every instruction set.

use crate::simd::vectorised;

const LANES: usize = 16;

vectorised! {
    /// Inner product of two vectors of one length.
    pub fn dot(left: &[f32], right: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
        let tail: f32 = left_chunks.remainder().iter().zip(right_chunks.remainder()).map(|(a, b)| a * b).sum();
        for (a, b) in left_chunks.zip(right_chunks) {
            for lane in 0..LANES {
                lanes[lane] += a[lane] * b[lane];
            }
        }
        lanes.iter().sum::<f32>() + tail
    }

    /// `destination += addend`, element by element.
    pub fn add_assign(destination: &mut [f32], addend: &[f32]) {
        for (value, add) in destination.iter_mut().zip(addend) {
            *value += add;
        }
    }
}

/// Sum of squares in f64, for norms of whole gradients.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    values.chunks(4096).map(|chunk| f64::from(dot(chunk, chunk))).sum()
}
