//! The rotary scaling of Llama 3.1 and later: a GGUF file holds only what follows from it, as divisors of
//! the frequencies in a tensor of their own.

use crate::config::{ConfigError, ModelConfig, RopeScaling};

/// The tensor with the divisors, `[head_dim / 2]`.
pub(crate) const FACTORS: &str = "rope_freqs.weight";

const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;
const ORIGINAL_CONTEXT: usize = 8192;

/// What the plain frequencies are divided by, where the scaling is of the kind that is stored so.
pub(crate) fn factors(config: &ModelConfig) -> Option<Vec<f32>> {
    let RopeScaling::Llama3 { .. } = config.rope_scaling else {
        return None;
    };
    let (plain, scaled) = (plain(config), config.rope_inverse_frequencies());
    Some(plain.iter().zip(&scaled).map(|(plain, scaled)| plain / scaled).collect())
}

/// Recovers the parameters behind stored divisors, and makes sure that they are.
pub(crate) fn scaling_behind(stored: &[f32], config: &ModelConfig) -> Result<RopeScaling, ConfigError> {
    let scaling = RopeScaling::Llama3 {
        factor: f64::from(stored.iter().copied().fold(1.0, f32::max)),
        low_frequency_factor: LOW,
        high_frequency_factor: HIGH,
        original_context_length: ORIGINAL_CONTEXT,
    };
    let plain = plain(config);
    let scaled = ModelConfig { rope_scaling: scaling, ..config.clone() }.rope_inverse_frequencies();
    let same = stored.len() == plain.len()
        && (plain.iter().zip(&scaled).zip(stored))
            .all(|((plain, scaled), stored)| (plain / scaled - stored).abs() <= 1e-3 * stored.abs());
    if same {
        return Ok(scaling);
    }
    let what = format!("the rotary factors of the tensor {FACTORS} (not those of Llama 3.1)");
    Err(ConfigError::UnsupportedFeature { what })
}

fn plain(config: &ModelConfig) -> Vec<f32> {
    ModelConfig { rope_scaling: RopeScaling::None, ..config.clone() }.rope_inverse_frequencies()
}
