//! RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + ε) · w.

use rayon::prelude::*;

use crate::bf16::{Bf16, Bf16Matrix, round_to_bf16, widen_from_bf16};
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

/// As [`rms_norm`] with bf16 results: the normalised rows, and `input` itself in `kept` for the backward
/// pass.
pub fn rms_norm_bf16(
    input: &[f32],
    weight: &[f32],
    epsilon: f32,
    (output, kept): (&mut Bf16Matrix, &mut Bf16Matrix),
    inverse_rms: &mut [f32],
) {
    let (width, stride) = (weight.len(), output.stride());
    output
        .data_mut()
        .par_chunks_mut(ROWS * stride)
        .zip(kept.data_mut().par_chunks_mut(ROWS * stride))
        .zip(input.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks_mut(ROWS))
        .for_each(|(((output, kept), input), inverse_rms)| {
            let rows = output.chunks_mut(stride).zip(kept.chunks_mut(stride)).zip(input.chunks(width));
            for (((output, kept), input), inverse) in rows.zip(inverse_rms) {
                *inverse = 1.0 / (dot(input, input) / width as f32 + epsilon).sqrt();
                scale_and_keep(input, weight, *inverse, output, kept);
            }
        });
}

/// The normalised rows again, from what [`rms_norm_bf16`] kept.
pub fn rms_norm_again(kept: &Bf16Matrix, weight: &[f32], inverse_rms: &[f32], output: &mut Bf16Matrix) {
    let stride = output.stride();
    output
        .data_mut()
        .par_chunks_mut(ROWS * stride)
        .zip(kept.data().par_chunks(ROWS * stride))
        .zip(inverse_rms.par_chunks(ROWS))
        .for_each(|((output, kept), inverse_rms)| {
            for ((output, kept), inverse) in
                output.chunks_mut(stride).zip(kept.chunks(stride)).zip(inverse_rms)
            {
                scale_row_bf16(kept, weight, *inverse, output);
            }
        });
}

/// As [`rms_norm_backward`] from what [`rms_norm_bf16`] kept. Also writes the sum, rounded, to
/// `rounded`: it is the next product's operand.
pub fn rms_norm_backward_bf16(
    kept: &Bf16Matrix,
    weight: &[f32],
    inverse_rms: &[f32],
    d_output: &[f32],
    (d_input, rounded): (&mut [f32], &mut Bf16Matrix),
) {
    let (width, stride) = (weight.len(), kept.stride());
    d_input
        .par_chunks_mut(ROWS * width)
        .zip(rounded.data_mut().par_chunks_mut(ROWS * stride))
        .zip(kept.data().par_chunks(ROWS * stride))
        .zip(d_output.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks(ROWS))
        .for_each(|((((d_input, rounded), kept), d_output), inverse_rms)| {
            let mut input = vec![0.0; width];
            let rows = d_input.chunks_mut(width).zip(rounded.chunks_mut(stride)).zip(kept.chunks(stride));
            for (((d_input, rounded), kept), (d_output, inverse)) in
                rows.zip(d_output.chunks(width).zip(inverse_rms))
            {
                widen_from_bf16(&kept[..width], &mut input);
                let weighted = weighted_dot(d_output, weight, &input);
                let pull = weighted * inverse * inverse * inverse / width as f32;
                backward_row(d_input, &input, d_output, weight, [*inverse, pull]);
                round_to_bf16(d_input, &mut rounded[..width]);
            }
        });
}

vectorised! {
    fn scale_and_keep(input: &[f32], weight: &[f32], scale: f32, output: &mut [Bf16], kept: &mut [Bf16]) {
        for (((y, k), x), w) in output.iter_mut().zip(kept).zip(input).zip(weight) {
            *y = Bf16::from_f32(x * scale * w);
            *k = Bf16::from_f32(*x);
        }
    }

    fn scale_row_bf16(input: &[Bf16], weight: &[f32], scale: f32, output: &mut [Bf16]) {
        for ((y, x), w) in output.iter_mut().zip(input).zip(weight) {
            *y = Bf16::from_f32(x.to_f32() * scale * w);
        }
    }

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
    fn bf16_gives_what_f32_gives_up_to_rounding() {
        let (rows, width) = (35, 19);
        let numbers = |factor: usize| -> Vec<f32> {
            (0..rows * width).map(|i| ((i * factor % 23) as f32 - 11.0) / 8.0).collect()
        };
        let (input, d_output) = (numbers(7), numbers(5));
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 20.0).collect();
        let (mut output, mut inverse) = (vec![0.0; rows * width], vec![0.0; rows]);
        rms_norm(&input, &weight, 1e-5, &mut output, &mut inverse);
        let mut d_input = vec![1.0; rows * width];
        rms_norm_backward(&input, &weight, &inverse, &d_output, &mut d_input);

        let zeroed = || Bf16Matrix::zeroed(rows, width);
        let (mut normalised, mut kept, mut again, mut rounded) = (zeroed(), zeroed(), zeroed(), zeroed());
        let mut inverse = vec![0.0; rows];
        rms_norm_bf16(&input, &weight, 1e-5, (&mut normalised, &mut kept), &mut inverse);
        rms_norm_again(&kept, &weight, &inverse, &mut again);
        let mut d_got = vec![1.0; rows * width];
        rms_norm_backward_bf16(&kept, &weight, &inverse, &d_output, (&mut d_got, &mut rounded));
        assert_eq!(normalised, again, "these inputs are bf16 numbers");
        for i in 0..rows * width {
            let at = |matrix: &Bf16Matrix| matrix.row(i / width)[i % width].to_f32();
            assert!((at(&normalised) - output[i]).abs() <= 0.004 * output[i].abs(), "{i}");
            assert!((d_got[i] - d_input[i]).abs() < 1e-5, "{i}");
            assert!((at(&rounded) - d_input[i]).abs() <= 0.004 * d_input[i].abs() + 1e-5, "{i}");
        }
    }

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
