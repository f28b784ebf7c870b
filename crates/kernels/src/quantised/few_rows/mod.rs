//! A few rows times quantised weights, as when generating: each block is read once where it lies, and
//! the weights are never rounded. An element is summed in the same order however many rows there are.

#[cfg(target_arch = "x86_64")]
mod avx512_bf16;

use super::tile::{Block, numbers};
use super::{BLOCK, QuantisedView, half};
use crate::matrix::View;
use crate::number::{Number, widen};
use crate::product::multiplies_pairs;
use crate::product::pack::LANES;
use crate::simd::{sum_of_lanes, vectorised};

/// Adds `left x rightᵀ` to `sums`, `[left rows, right rows]`.
pub(crate) fn add_few_rows<N: Number>(left: View<'_, N>, right: QuantisedView<'_>, sums: &mut [f32]) {
    assert!(left.cols == right.cols && sums.len() == left.rows * right.rows, "product shape");
    #[cfg(target_arch = "x86_64")]
    if multiplies_pairs::<N>() {
        assert!(left.holds_cells(), "left operand within its data");
        // SAFETY: the level says that the processor has AVX-512 with BF16; shapes were checked above.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
        return unsafe { avx512_bf16::add_few_rows(left, right, sums) };
    }
    let mut widened = vec![0.0; left.rows * left.cols];
    for (row, widened) in widened.chunks_mut(left.cols.max(1)).enumerate() {
        widen(left.row(row), widened);
    }
    let blocks = right.blocks();
    // Only minima are multiplied by them.
    let block_sums = if right.matrix.minima.is_empty() { Vec::new() } else { block_sums(&widened) };
    for group in 0..right.groups() {
        for (row, sums) in sums.chunks_mut(right.rows).enumerate() {
            let end = right.rows.min((group + 1) * LANES);
            let x = (
                &widened[row * left.cols..][..left.cols],
                block_sums.get(row * blocks..).unwrap_or_default(),
            );
            add_group(right, group, x, &mut sums[group * LANES..end]);
        }
    }
}

/// Sums of the blocks of `values`: what minima are multiplied by.
fn block_sums(values: &[f32]) -> Vec<f32> {
    values.as_chunks::<BLOCK>().0.iter().map(sum).collect()
}

vectorised! {
    fn sum(block: &[f32; BLOCK]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        for lane in 0..LANES {
            lanes[lane] = block[lane] + block[lane + LANES];
        }
        sum_of_lanes(lanes)
    }

    /// One row, and sums of its blocks, times sixteen rows of the weights.
    fn add_group(view: QuantisedView<'_>, group: usize, x: (&[f32], &[f32]), sums: &mut [f32]) {
        let mut totals = [0.0_f32; LANES];
        let (numbers, block_sums) = x;
        for (index, x) in numbers.as_chunks::<BLOCK>().0.iter().enumerate() {
            let block = view.block(group, index);
            let part = part(block, x);
            let scales = block.scales.map(half::widen);
            for lane in 0..LANES {
                totals[lane] += part[lane] * scales[lane];
            }
            if let Some(minima) = block.minima {
                let sum = block_sums[index];
                for lane in 0..LANES {
                    totals[lane] += half::widen(minima[lane]) * sum;
                }
            }
        }
        for (sum, total) in sums.iter_mut().zip(totals) {
            *sum += total;
        }
    }
}

/// Numbers of sixteen rows of a block times `x`.
#[inline(always)]
fn part(block: Block<'_>, x: &[f32; BLOCK]) -> [f32; LANES] {
    let bits = block.format.bits();
    let (mut even, mut odd) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for (line, x) in block.lines.iter().zip(x.chunks(32 / bits)) {
        for (pair, x) in x.as_chunks::<2>().0.iter().enumerate() {
            let low = numbers(block.format, line, pair * bits);
            let high = numbers(block.format, line, pair * bits + 16);
            for lane in 0..LANES {
                even[lane] += low[lane] * x[0];
                odd[lane] += high[lane] * x[1];
            }
        }
    }
    std::array::from_fn(|lane| even[lane] + odd[lane])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;
    use crate::cpu::{Level, with_level};
    use crate::matrix::Matrix;
    use crate::quantised::{Format, QuantisedMatrix};
    use proptest::prelude::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        (0..count).map(|i| ((i as u32).wrapping_mul(2_654_435_761) ^ seed) as f32 / 4.3e9 - 0.5).collect()
    }

    fn check<N: Number>(m: usize, right: &QuantisedMatrix, seed: u32) -> Result<(), TestCaseError> {
        let (n, cols) = (right.rows(), right.cols());
        let left = Matrix::<N>::from_f32(&numbers(m * cols, seed), m, cols);
        let dense = right.dequantise();
        for level in Level::ALL.into_iter().filter(|level| level.is_supported()) {
            let mut sums = vec![1.0; m * n];
            with_level(level, || add_few_rows(left.view(), right.view(), &mut sums));
            for (i, got) in sums.iter().enumerate() {
                let products = left.row(i / n).iter().zip(&dense[i % n * cols..][..cols]);
                let expected: f64 = products.map(|(x, w)| f64::from(x.to_f32()) * f64::from(*w)).sum();
                let error = (f64::from(*got) - 1.0 - expected).abs();
                prop_assert!(error < 1e-5, "{:?} {level:?} {i}: {got} {expected}", right.format());
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_few_rows_times_quantised_weights_are_those_times_what_the_blocks_mean_on_every_level(
            m in 1usize..20, n in 1usize..70, blocks in 1usize..6, seed: u32,
        ) {
            let cols = blocks * BLOCK;
            for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
                let weights = numbers(n * cols, seed ^ 99);
                let right = QuantisedMatrix::quantise(format, &weights, n, cols).unwrap();
                check::<Bf16>(m, &right, seed)?;
                check::<f32>(m, &right, seed)?;
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_among_others() {
        let (m, n, cols) = (15, 40, 96);
        let left = Matrix::<Bf16>::from_f32(&numbers(m * cols, 5), m, cols);
        let right = QuantisedMatrix::quantise(Format::Q4_1, &numbers(n * cols, 6), n, cols).unwrap();
        let mut together = vec![0.0; m * n];
        add_few_rows(left.view(), right.view(), &mut together);
        for row in 0..m {
            let mut alone = vec![0.0; n];
            add_few_rows(left.view().rows(row..row + 1), right.view(), &mut alone);
            assert_eq!(alone, together[row * n..][..n]);
        }
    }
}
