//! AdamW (Loshchilov and Hutter 2019), with PyTorch's order of operations.

use std::ops::Range;

use rayon::prelude::*;

use crate::simd::vectorised;

/// Hyperparameters that stay the same over a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay, a share of the parameter per unit of learning rate.
    pub weight_decay: f64,
}

/// The moments, one number a parameter each.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamWState {
    /// Running mean of the gradient.
    pub first_moment: Vec<f32>,
    /// Running mean of its square.
    pub second_moment: Vec<f32>,
}

impl AdamWState {
    /// Zero moments for that many parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first_moment: vec![0.0; parameters], second_moment: vec![0.0; parameters] }
    }
}

const CHUNK: usize = 1 << 14;

impl AdamW {
    /// One update of a stretch of the parameters, as some learn at rates of their own. `step` counts from
    /// 1; the gradient is multiplied by `gradient_scale` first (clipping).
    pub fn update_range(
        &self,
        range: Range<usize>,
        parameters: &mut [f32],
        gradients: &[f32],
        state: &mut AdamWState,
        (step, learning_rate, gradient_scale): (u64, f64, f32),
    ) {
        assert!(
            parameters.len() == gradients.len() && parameters.len() == state.first_moment.len(),
            "one gradient and one moment a parameter"
        );
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let factors = Factors {
            decay: (1.0 - learning_rate * self.weight_decay) as f32,
            one_minus_beta1: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            one_minus_beta2: (1.0 - self.beta2) as f32,
            step_size: (learning_rate / (1.0 - self.beta1.powi(step))) as f32,
            root_correction: (1.0 - self.beta2.powi(step)).sqrt() as f32,
            epsilon: self.epsilon as f32,
            gradient_scale,
        };
        parameters[range.clone()]
            .par_chunks_mut(CHUNK)
            .zip(gradients[range.clone()].par_chunks(CHUNK))
            .zip(state.first_moment[range.clone()].par_chunks_mut(CHUNK))
            .zip(state.second_moment[range].par_chunks_mut(CHUNK))
            .for_each(|(((parameters, gradients), first), second)| {
                update_chunk(parameters, gradients, first, second, factors);
            });
    }
}

#[derive(Clone, Copy)]
struct Factors {
    decay: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
    gradient_scale: f32,
}

vectorised! {
    fn update_chunk(parameters: &mut [f32], gradients: &[f32], first: &mut [f32], second: &mut [f32], f: Factors) {
        for (((p, g), m), v) in parameters.iter_mut().zip(gradients).zip(first).zip(second) {
            let g = g * f.gradient_scale;
            *p *= f.decay;
            *m += (g - *m) * f.one_minus_beta1;
            *v = *v * f.beta2 + g * g * f.one_minus_beta2;
            *p -= f.step_size * (*m / (v.sqrt() / f.root_correction + f.epsilon));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_updated_as_the_whole_is_and_the_rest_is_left_alone() {
        let adamw = AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };
        let gradients: Vec<f32> = (0..9).map(|i| i as f32 - 4.5).collect();
        let start = vec![0.5; 9];
        let moment = (1, 1e-2, 1.0);
        let (mut whole, mut state) = (start.clone(), AdamWState::new(9));
        adamw.update_range(0..9, &mut whole, &gradients, &mut state, moment);

        let (mut parts, mut part_state) = (start.clone(), AdamWState::new(9));
        adamw.update_range(0..4, &mut parts, &gradients, &mut part_state, moment);
        assert_eq!((&parts[..4], &parts[4..]), (&whole[..4], &start[4..]));
        adamw.update_range(4..9, &mut parts, &gradients, &mut part_state, moment);
        assert_eq!((parts, part_state), (whole, state));
    }

    /// Against the update rule written out in f64 (Loshchilov and Hutter 2019, algorithm 2).
    #[test]
    fn three_updates_follow_the_published_rule() {
        let adamw = AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };
        let (mut parameters, mut state) = (vec![1.0_f32, -0.5], AdamWState::new(2));
        let (mut p, mut m, mut v) = ([1.0_f64, -0.5], [0.0; 2], [0.0; 2]);
        for step in 1..=3 {
            let gradients = [0.3 * step as f32, -0.2];
            adamw.update_range(0..2, &mut parameters, &gradients, &mut state, (step, 1e-2, 0.5));
            for i in 0..2 {
                let g = f64::from(gradients[i]) * 0.5;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let m_hat = m[i] / (1.0 - 0.9_f64.powi(step as i32));
                let v_hat = v[i] / (1.0 - 0.999_f64.powi(step as i32));
                p[i] -= 1e-2 * (m_hat / (v_hat.sqrt() + 1e-8) + 0.1 * p[i]);
            }
        }
        for i in 0..2 {
            assert!((f64::from(parameters[i]) - p[i]).abs() < 1e-5, "{} {}", parameters[i], p[i]);
        }
    }
}
