//! RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + ε) · w. Rows of numbers are padded to whole
//! cells, as in [`crate::Matrix`].

use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::number::{Number, dot, round, widen};
use crate::simd::{sum_of_lanes, vectorised};

/// Rows that one task handles.
const ROWS: usize = 32;
/// Columns that one task handles where rows are summed.
const COLUMNS: usize = 64;

/// Normalises each row of `input` (`rows x weight.len()`) into `output`. For the backward pass it keeps
/// the input itself in `kept` and each row's 1 / sqrt(mean(x²) + ε) in `inverse_rms`.
pub fn rms_norm<O: Number, K: Number>(
    input: &[f32],
    weight: &[f32],
    epsilon: f32,
    (output, kept): (&mut [O], &mut [K]),
    inverse_rms: &mut [f32],
) {
    for_each_row((input, weight), epsilon, (output, kept), inverse_rms, scale_and_keep::<O, K>);
}

/// As [`rms_norm`], with the normalised rows added to `sums`.
pub fn rms_norm_add<K: Number>(
    input: &[f32],
    weight: &[f32],
    epsilon: f32,
    (sums, kept): (&mut [f32], &mut [K]),
    inverse_rms: &mut [f32],
) {
    for_each_row((input, weight), epsilon, (sums, kept), inverse_rms, add_and_keep::<K>);
}

/// Finds the factor of each row and hands the row, weight and factor to `put`, with where they go.
fn for_each_row<O: Number, K: Number>(
    (input, weight): (&[f32], &[f32]),
    epsilon: f32,
    (output, kept): (&mut [O], &mut [K]),
    inverse_rms: &mut [f32],
    put: impl Fn(&[f32], &[f32], f32, &mut [O], &mut [K]) + Sync,
) {
    let width = weight.len();
    let (stride, kept_stride) = (Matrix::<O>::stride_of(width), Matrix::<K>::stride_of(width));
    let rows = inverse_rms.len();
    let lengths = [input.len(), output.len(), kept.len()];
    assert_eq!(lengths, [width, stride, kept_stride].map(|row| rows * row), "rows of one width");
    output
        .par_chunks_mut(ROWS * stride)
        .zip(kept.par_chunks_mut(ROWS * kept_stride))
        .zip(input.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks_mut(ROWS))
        .for_each(|(((output, kept), input), inverse_rms)| {
            let rows = output.chunks_mut(stride).zip(kept.chunks_mut(kept_stride)).zip(input.chunks(width));
            for (((output, kept), input), inverse) in rows.zip(inverse_rms) {
                *inverse = 1.0 / (dot(input, input) / width as f32 + epsilon).sqrt();
                put(input, weight, *inverse, output, kept);
            }
        });
}

/// The normalised rows again, from what [`rms_norm`] kept.
pub fn rms_norm_again<N: Number>(
    kept: &Matrix<N>,
    weight: &[f32],
    inverse_rms: &[f32],
    output: &mut Matrix<N>,
) {
    let shape = (inverse_rms.len(), weight.len());
    assert_eq!((kept.rows(), kept.cols()), shape, "rows of one width");
    assert_eq!((output.rows(), output.cols()), shape, "rows of one width");
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
                scale_row(kept, weight, *inverse, output);
            }
        });
}

/// Adds the gradient with respect to the input of [`rms_norm`] to `d_input`, from what that kept. Also
/// writes the sum, rounded, to `rounded`: it is the next product's operand.
pub fn rms_norm_backward<N: Number>(
    kept: &[N],
    weight: &[f32],
    inverse_rms: &[f32],
    d_output: &[f32],
    (d_input, rounded): (&mut [f32], &mut [N]),
) {
    let width = weight.len();
    let stride = Matrix::<N>::stride_of(width);
    let rows = inverse_rms.len();
    let lengths = [d_input.len(), rounded.len(), kept.len(), d_output.len()];
    assert_eq!(lengths, [width, stride, stride, width].map(|row| rows * row), "rows of one width");
    d_input
        .par_chunks_mut(ROWS * width)
        .zip(rounded.par_chunks_mut(ROWS * stride))
        .zip(kept.par_chunks(ROWS * stride))
        .zip(d_output.par_chunks(ROWS * width))
        .zip(inverse_rms.par_chunks(ROWS))
        .for_each(|((((d_input, rounded), kept), d_output), inverse_rms)| {
            let mut input = vec![0.0; width];
            let rows = d_input.chunks_mut(width).zip(rounded.chunks_mut(stride)).zip(kept.chunks(stride));
            for (((d_input, rounded), kept), (d_output, inverse)) in
                rows.zip(d_output.chunks(width).zip(inverse_rms))
            {
                widen(&kept[..width], &mut input);
                let weighted = weighted_dot(d_output, weight, &input);
                let pull = weighted * inverse * inverse * inverse / width as f32;
                backward_row(d_input, &input, d_output, weight, [*inverse, pull]);
                round(d_input, &mut rounded[..width]);
            }
        });
}

/// Adds the gradient with respect to the weight of [`rms_norm`] to `d_weight`, from what that kept.
pub fn rms_norm_weight_gradient<N: Number>(
    kept: &[N],
    inverse_rms: &[f32],
    d_output: &[f32],
    d_weight: &mut [f32],
) {
    let width = d_weight.len();
    let stride = Matrix::<N>::stride_of(width);
    let lengths = [kept.len(), d_output.len()];
    assert_eq!(lengths, [stride, width].map(|row| inverse_rms.len() * row), "rows of one width");
    d_weight.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, d_weight)| {
        let first = block * COLUMNS;
        let rows = kept.chunks(stride).zip(d_output.chunks(width));
        for ((kept, d_output), inverse) in rows.zip(inverse_rms) {
            add_products(&kept[first..], &d_output[first..], *inverse, d_weight);
        }
    });
}

vectorised! {
    fn add_products<N: Number>(input: &[N], d_output: &[f32], factor: f32, sums: &mut [f32]) {
        for ((sum, x), dy) in sums.iter_mut().zip(input).zip(d_output) {
            *sum += x.to_f32() * factor * dy;
        }
    }

    fn scale_and_keep<O: Number, K: Number>(
        input: &[f32], weight: &[f32], scale: f32, output: &mut [O], kept: &mut [K],
    ) {
        for (((y, k), x), w) in output.iter_mut().zip(kept).zip(input).zip(weight) {
            *y = O::from_f32(x * scale * w);
            *k = K::from_f32(*x);
        }
    }

    fn add_and_keep<K: Number>(
        input: &[f32], weight: &[f32], scale: f32, sums: &mut [f32], kept: &mut [K],
    ) {
        for (((sum, k), x), w) in sums.iter_mut().zip(kept).zip(input).zip(weight) {
            *sum += x * scale * w;
            *k = K::from_f32(*x);
        }
    }

    fn scale_row<N: Number>(input: &[N], weight: &[f32], scale: f32, output: &mut [N]) {
        for ((y, x), w) in output.iter_mut().zip(input).zip(weight) {
            *y = N::from_f32(x.to_f32() * scale * w);
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
        sum_of_lanes(lanes) + tail
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
    use crate::bf16::Bf16;

    /// The normalised rows and their factors.
    fn normalised<N: Number>(input: &[f32], weight: &[f32]) -> (Matrix<N>, Matrix<N>, Vec<f32>) {
        let (rows, width) = (input.len() / weight.len(), weight.len());
        let (mut output, mut kept) = (Matrix::zeroed(rows, width), Matrix::zeroed(rows, width));
        let mut inverse = vec![0.0; rows];
        rms_norm(input, weight, 1e-5, (output.data_mut(), kept.data_mut()), &mut inverse);
        (output, kept, inverse)
    }

    #[test]
    fn bf16_gives_what_f32_gives_up_to_rounding() {
        let (rows, width) = (35, 19);
        let numbers = |factor: usize| -> Vec<f32> {
            (0..rows * width).map(|i| ((i * factor % 23) as f32 - 11.0) / 8.0).collect()
        };
        let (input, d_output) = (numbers(7), numbers(5));
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 20.0).collect();
        let (output, kept, inverse) = normalised::<f32>(&input, &weight);
        let (mut d_input, mut copy) = (vec![1.0; rows * width], vec![0.0; rows * width]);
        rms_norm_backward(kept.data(), &weight, &inverse, &d_output, (&mut d_input, &mut copy));
        assert!(d_input == copy && kept.data() == input);

        let (got, kept, inverse) = normalised::<Bf16>(&input, &weight);
        let (mut again, mut rounded) = (Matrix::zeroed(rows, width), Matrix::<Bf16>::zeroed(rows, width));
        rms_norm_again(&kept, &weight, &inverse, &mut again);
        assert_eq!(got, again, "these inputs are bf16 numbers");
        let mut d_got = vec![1.0; rows * width];
        let into = (&mut d_got[..], rounded.data_mut());
        rms_norm_backward(kept.data(), &weight, &inverse, &d_output, into);
        for i in 0..rows * width {
            let at = |matrix: &Matrix<Bf16>| matrix.row(i / width)[i % width].to_f32();
            assert!((at(&got) - output.data()[i]).abs() <= 0.004 * output.data()[i].abs(), "{i}");
            assert!((d_got[i] - d_input[i]).abs() < 1e-5, "{i}");
            assert!((at(&rounded) - d_input[i]).abs() <= 0.004 * d_input[i].abs() + 1e-5, "{i}");
        }
    }

    #[test]
    fn adding_gives_the_sum_with_what_normalising_gives() {
        let (rows, width) = (35, 19);
        let input: Vec<f32> = (0..rows * width).map(|i| ((i * 7 % 23) as f32 - 11.0) / 8.0).collect();
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 20.0).collect();
        let (output, kept, inverse) = normalised::<f32>(&input, &weight);
        let (mut sums, mut again) = (vec![2.0; rows * width], vec![0.0; rows * width]);
        let mut inverse_again = vec![0.0; rows];
        rms_norm_add(&input, &weight, 1e-5, (&mut sums, &mut again), &mut inverse_again);
        assert!(sums.iter().zip(output.data()).all(|(sum, y)| *sum == 2.0 + y));
        assert!(again == kept.data() && inverse_again == inverse);
    }

    #[test]
    fn the_gradient_of_the_weight_matches_finite_differences() {
        let (rows, width) = (3, 150);
        let numbers = |factor: usize| -> Vec<f32> {
            (0..rows * width).map(|i| ((i * factor % 23) as f32 - 11.0) / 8.0).collect()
        };
        let (input, d_output) = (numbers(7), numbers(5));
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 200.0).collect();
        let loss = |weight: &[f32]| -> f64 {
            let output = normalised::<f32>(&input, weight).0;
            output.data().iter().zip(&d_output).map(|(y, d)| f64::from(y * d)).sum()
        };
        let (_, kept, inverse) = normalised::<f32>(&input, &weight);
        let mut d_weight = vec![1.0; width];
        rms_norm_weight_gradient(kept.data(), &inverse, &d_output, &mut d_weight);
        for i in 0..width {
            let at = |delta: f32| {
                let mut moved = weight.clone();
                moved[i] += delta;
                loss(&moved)
            };
            let expected = (at(0.25) - at(-0.25)) / 0.5;
            assert!((f64::from(d_weight[i]) - 1.0 - expected).abs() < 1e-3, "weight {i}");
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        let width = 19;
        let input: Vec<f32> = (0..2 * width).map(|i| ((i * 7 % 13) as f32 - 6.0) / 5.0).collect();
        let weight: Vec<f32> = (0..width).map(|i| 0.5 + i as f32 / 20.0).collect();
        let d_output: Vec<f32> = (0..2 * width).map(|i| ((i * 5 % 11) as f32 - 5.0) / 4.0).collect();
        let loss = |input: &[f32]| -> f64 {
            let output = normalised::<f32>(input, &weight).0;
            output.data().iter().zip(&d_output).map(|(y, d)| f64::from(y * d)).sum()
        };
        let (_, kept, inverse) = normalised::<f32>(&input, &weight);
        let (mut d_input, mut copy) = (vec![0.0; 2 * width], vec![0.0; 2 * width]);
        rms_norm_backward(kept.data(), &weight, &inverse, &d_output, (&mut d_input, &mut copy));
        for i in 0..input.len() {
            let at = |delta: f32| {
                let mut moved = input.clone();
                moved[i] += delta;
                loss(&moved)
            };
            let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((f64::from(d_input[i]) - expected).abs() < 2e-3, "element {i}");
        }
    }
}
