//! Dropout on the input of an adapter. The mask is a pure function of its key and the element's index,
//! so the backward pass recomputes it instead of storing it.

use rayon::prelude::*;

use super::Dropout;
use crate::adapter::TargetModule;
use crate::random::Random;

const CHUNK: usize = 1 << 14;

/// The mask of one linear layer in one batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    random: Random,
    threshold: u32,
    keep_scale: f32,
}

impl Mask {
    pub(super) fn new(dropout: Dropout, layer: usize, module: TargetModule) -> Self {
        Self {
            random: Random::new(&[dropout.key, layer as u64, module as u64]),
            threshold: (f64::from(dropout.probability) * f64::from(u32::MAX)) as u32,
            keep_scale: 1.0 / (1.0 - dropout.probability),
        }
    }

    /// 0 where the element is dropped, 1 / (1 - probability) where it is kept.
    #[inline(always)]
    fn factor(self, index: usize) -> f32 {
        let bits = self.random.at(index as u64) as u32;
        if bits < self.threshold { 0.0 } else { self.keep_scale }
    }

    /// `output = mask * input`.
    pub(super) fn apply(self, input: &[f32], output: &mut [f32]) {
        output.par_chunks_mut(CHUNK).zip(input.par_chunks(CHUNK)).enumerate().for_each(
            |(chunk, (output, input))| {
                for (i, (y, x)) in output.iter_mut().zip(input).enumerate() {
                    *y = x * self.factor(chunk * CHUNK + i);
                }
            },
        );
    }

    /// `d_input += mask * d_output`.
    pub(super) fn add_masked(self, d_output: &[f32], d_input: &mut [f32]) {
        d_input.par_chunks_mut(CHUNK).zip(d_output.par_chunks(CHUNK)).enumerate().for_each(
            |(chunk, (d_input, d_output))| {
                for (i, (dx, dy)) in d_input.iter_mut().zip(d_output).enumerate() {
                    *dx += dy * self.factor(chunk * CHUNK + i);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_keeps_the_expected_share_and_the_mean() {
        let dropout = Dropout { key: 5, probability: 0.25 };
        let mask = Mask::new(dropout, 3, TargetModule::UpProj);
        let mut output = vec![0.0; 100_000];
        mask.apply(&vec![1.0; 100_000], &mut output);
        let dropped = output.iter().filter(|y| **y == 0.0).count();
        assert!((24_000..26_000).contains(&dropped), "{dropped}");
        let mean = output.iter().sum::<f32>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let mut gradient = vec![0.0; 100_000];
        mask.add_masked(&vec![1.0; 100_000], &mut gradient);
        assert_eq!(gradient, output);
    }
}
