//! Rotary position embedding: the frequency of each pair of a head's dimensions, and how long-context
//! models stretch them.

use super::{ConfigError, ModelConfig, Sight};
use std::f64::consts::TAU;

/// How rotary frequencies are stretched to reach beyond the context a model was first trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Frequencies as `theta` gives them.
    None,
    /// Every frequency divided by `factor` (position interpolation, arXiv:2306.15595).
    Linear {
        /// At least 1.
        factor: f64,
    },
    /// Low frequencies divided by `factor`, high ones kept, a smooth passage between (Llama 3.1).
    Llama3 {
        /// Divides frequencies whose wavelength is long.
        factor: f64,
        /// Wavelengths above `original_context_length / low_frequency_factor` are divided in full.
        low_frequency_factor: f64,
        /// Wavelengths below `original_context_length / high_frequency_factor` are kept.
        high_frequency_factor: f64,
        /// Context length before stretching, in tokens.
        original_context_length: usize,
    },
}

impl RopeScaling {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match *self {
            Self::None => Ok(()),
            Self::Linear { factor } => above_zero("rope_scaling.factor", factor),
            Self::Llama3 { factor, low_frequency_factor, high_frequency_factor, original_context_length } => {
                above_zero("rope_scaling.factor", factor)?;
                above_zero("rope_scaling.low_freq_factor", low_frequency_factor)?;
                above_zero("rope_scaling.original_max_position_embeddings", original_context_length as f64)?;
                if high_frequency_factor > low_frequency_factor && high_frequency_factor.is_finite() {
                    return Ok(());
                }
                Err(ConfigError::invalid(
                    "rope_scaling.high_freq_factor",
                    high_frequency_factor,
                    format!("must be above low_freq_factor, {low_frequency_factor}"),
                ))
            }
        }
    }

    fn stretch(&self, frequency: f64) -> f64 {
        match *self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low_frequency_factor, high_frequency_factor, original_context_length } => {
                let turns = original_context_length as f64 * frequency / TAU;
                if turns > high_frequency_factor {
                    frequency
                } else if turns < low_frequency_factor {
                    frequency / factor
                } else {
                    let kept =
                        (turns - low_frequency_factor) / (high_frequency_factor - low_frequency_factor);
                    (1.0 - kept) * frequency / factor + kept * frequency
                }
            }
        }
    }
}

impl ModelConfig {
    /// Angle per position of each pair of dimensions, in radians: `head_dim / 2` values. Dimension `i`
    /// is paired with `i + head_dim / 2` (the rotate-half layout of Hugging Face).
    #[must_use]
    pub fn rope_inverse_frequencies(&self) -> Vec<f32> {
        self.inverse_frequencies(self.rope_theta, self.rope_scaling)
    }

    /// As [`Self::rope_inverse_frequencies`] in layers of that sight; those of local layers are not stretched.
    #[must_use]
    pub fn rope_inverse_frequencies_of(&self, sight: Sight) -> Vec<f32> {
        match self.design.local_layers.filter(|_| sight == Sight::Local) {
            Some(local) => self.inverse_frequencies(local.rope_theta, RopeScaling::None),
            None => self.rope_inverse_frequencies(),
        }
    }

    fn inverse_frequencies(&self, theta: f64, scaling: RopeScaling) -> Vec<f32> {
        (0..self.head_dim / 2)
            .map(|pair| {
                let exponent = (2 * pair) as f64 / self.head_dim as f64;
                scaling.stretch(theta.powf(-exponent)) as f32
            })
            .collect()
    }
}

fn above_zero(field: &str, value: f64) -> Result<(), ConfigError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(ConfigError::invalid(field, value, "must be above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama3_scaling_keeps_high_divides_low_and_passes_smoothly_between() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_frequency_factor: 1.0,
            high_frequency_factor: 4.0,
            original_context_length: 8192,
        };
        assert_eq!(scaling.stretch(1.0), 1.0);
        assert_eq!(scaling.stretch(1e-6), 1e-6 / 8.0);
        // 2.5 turns over the original context: half way between the two factors.
        let middle = 2.5 * TAU / 8192.0;
        assert!((scaling.stretch(middle) - middle * (0.5 / 8.0 + 0.5)).abs() < 1e-12);
    }

    #[test]
    fn linear_scaling_divides_every_frequency() {
        assert_eq!(RopeScaling::Linear { factor: 4.0 }.stretch(0.5), 0.125);
    }
}
