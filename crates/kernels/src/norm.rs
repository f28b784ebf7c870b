//! RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + ε) · w.

use rayon::prelude::*;

use crate::reduce::dot;
use crate::simd::vectorised;

/// Rows that one task handles.
const ROWS: usize = 32;

/// Normalises each row of `input` (`rows x weight.len()`) into `output` and stores each row's
/// 1 / sqrt(mean(x²) + ε) in `inverse_rms` for the backward pass.
pub fn rms_norm(input: &[f32], weight: &[f32], epsilon: f32, output: &mut [f32], inverse_rms: &mut [f32]) {
    let width = weight.len();
    output
        .par_chunks_mut(ROWS * width)
        .zip(input.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks_mut(ROWS))
        .for_each(|((output, input), inverse_rms)| {
            let rows = output.chunks_mut(width).zip(input.chunks(width));
            for ((output, input), inverse) in rows.zip(inverse_rms) {
                *inverse = 1.0 / (dot(input, input) / width as f32 + epsilon).sqrt();
                scale_row(input, weight, *inverse, output);
            }
        });
}

/// Adds the gradient with respect to the input of [`rms_norm`] to `d_input`.
pub fn rms_norm_backward(
    input: &[f32],
    weight: &[f32],
    inverse_rms: &[f32],
    d_output: &[f32],
    d_input: &mut [f32],
) {
    let width = weight.len();
    d_input
        .par_chunks_mut(ROWS * width)
        .zip(input.par_chunks(ROWS * width))
        .zip(d_output.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks(ROWS))
        .for_each(|(((d_input, input), d_output), inverse_rms)| {
            let rows = d_input.chunks_mut(width).zip(input.chunks(width));
            for (((d_input, input), d_output), inverse) in rows.zip(d_output.chunks(width)).zip(inverse_rms) {
                let weighted = weighted_dot(d_output, weight, input);
                let pull = weighted * inverse * inverse * inverse / width as f32;
                backward_row(d_input, input, d_output, weight, [*inverse, pull]);
            }
        });
}

vectorised! {
    fn scale_row(input: &[f32], weight: &[f32], scale: f32, output: &mut [f32]) {
        for ((y, x), w) in output.iter_mut().zip(input).zip(weight) {
            *y = x * scale * w;
        }
    }

    fn weighted_dot(left: &[f32], weight: &[f32], right: &[f32]) -> f32 {
        const LANES: usize = 16;
        let mut lanes = [0.0_f32; LANES];
        let whole = left.len() / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let (a, w, b) = (&left[start..start + LANES], &weight[start..start + LANES], &right[start..start + LANES]);
            for lane in 0..LANES {
                lanes[lane] += a[lane] * w[lane] * b[lane];
            }
        }
        let tail: f32 = (whole..left.len()).map(|i| left[i] * weight[i] * right[i]).sum();
        lanes.iter().sum::<f32>() + tail
    }

    fn backward_row(d_input: &mut [f32], input: &[f32], d_output: &[f32], weight: &[f32], factors: [f32; 2]) {
        let [inverse, pull] = factors;
        for (((dx, x), dy), w) in d_input.iter_mut().zip(input).zip(d_output).zip(weight) {
            *dx += inverse * w * dy - pull * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_matches_finite_differences() {
        let width = 19;
        let input: Vec<f32> = (0..2 * width).map(|i| ((i * 7 % 13) as f32 - 6.0) / 5.0).collect();
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 20.0).collect();
        let d_output: Vec<f32> = (0..2 * width).map(|i| ((i * 5 % 11) as f32 - 5.0) / 4.0).collect();
        let loss = |input: &[f32]| {
            let (mut output, mut inverse) = (vec![0.0; 2 * width], vec![0.0; 2]);
            rms_norm(input, &weight, 1e-5, &mut output, &mut inverse);
            let loss: f64 = output.iter().zip(&d_output).map(|(y, d)| f64::from(y * d)).sum();
            (loss, inverse)
        };
        let mut d_input = vec![0.0; 2 * width];
        rms_norm_backward(&input, &weight, &loss(&input).1, &d_output, &mut d_input);
        for i in 0..input.len() {
            let at = |delta: f32| {
                let mut moved = input.clone();
                moved[i] += delta;
                loss(&moved).0
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(d_input[i]) - expected).abs() < 2e-3, "element {i}");
        }
    }
}
