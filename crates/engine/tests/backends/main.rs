//! Holds the backends against finite differences and against each other, on tiny random models.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod agreement;
mod company;
mod gradients;
mod packing;
mod quantised;
mod reading;
mod refusals;
mod rounding;
mod sequences;
#[path = "../support/mod.rs"]
mod support;
mod threads;

use gradus_engine::config::{Activation, Design, Family, LocalLayers, ModelConfig, RopeScaling};
use support::TinyModel;

/// One model for each variant of the architecture, by name.
fn variants() -> Vec<(&'static str, TinyModel)> {
    let llama3 = RopeScaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context_length: 32,
    };
    vec![
        ("llama", TinyModel::llama()),
        ("a head of its own", TinyModel::changed(|config| config.tie_word_embeddings = false)),
        ("stretched rotation", TinyModel::changed(|config| config.rope_scaling = llama3)),
        (
            "mistral's sliding window",
            TinyModel::changed(|config| (config.family, config.sliding_window) = (Family::Mistral, Some(5))),
        ),
        (
            "qwen2's biases",
            TinyModel::changed(|config| (config.family, config.attention_bias) = (Family::Qwen2, true)),
        ),
        (
            "qwen3's head norms",
            TinyModel::changed(|config| (config.family, config.query_key_norm) = (Family::Qwen3, true)),
        ),
        ("gemma3", TinyModel::changed(gemma3)),
    ]
}

/// All that Gemma 3 has: one layer sees a window, the other everything, each with frequencies of its own.
fn gemma3(config: &mut ModelConfig) {
    config.family = Family::Gemma3;
    (config.key_value_heads, config.query_key_norm, config.sliding_window) = (1, true, Some(5));
    config.design = Design {
        activation: Activation::TanhGelu,
        output_norms: true,
        scaled_embeddings: true,
        query_scalar: Some(6),
        local_layers: Some(LocalLayers { period: 2, rope_theta: 10.0 }),
    };
}

/// Largest absolute value.
fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// Euclidean norm.
fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Both the norm of the difference and its largest element, each relative to that of `expected`.
fn relative_difference(got: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let difference: Vec<f32> = got.iter().zip(expected).map(|(a, b)| a - b).collect();
    let wide = |values: &[f32]| largest(values.iter().map(|value| f64::from(*value)));
    let (by_norm, by_largest) = (norm(&difference) / norm(expected), wide(&difference) / wide(expected));
    assert!(by_norm.is_finite() && by_largest.is_finite(), "gradients are numbers and not all zero");
    by_norm.max(by_largest)
}
