//! The real SmolLM2-135M-Instruct against Hugging Face: weights, tokens, configuration. The fixtures come
//! from `xtask/reference`. Set `GRADUS_TEST_MODEL` to the GGUF file; without it these tests skip.

use gradus_engine::files::{self, ModelFiles};
use serde_json::Value;
use std::path::PathBuf;

#[test]
fn weights_equal_those_that_transformers_reads_from_the_same_file() {
    let Some(mut model) = model() else { return };
    let reference: Value = serde_json::from_str(include_str!("../fixtures/smollm2_weights.json")).unwrap();
    for (name, expected) in reference.as_object().unwrap() {
        let tensor = model.weights.take(name).unwrap();
        let shape: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
        assert_eq!(tensor.shape, shape, "{name}");
        let width = *shape.last().unwrap();
        for row in expected["rows"].as_array().unwrap() {
            let start = row["row"].as_u64().unwrap() as usize * width;
            for (offset, value) in row["values"].as_array().unwrap().iter().enumerate() {
                let (expected, found) = (value.as_f64().unwrap() as f32, tensor.data[start + offset]);
                assert!((expected - found).abs() <= 1e-6, "{name} at {}: {expected} {found}", start + offset);
            }
        }
        let sum: f64 = tensor.data.iter().map(|value| f64::from(*value).powi(2)).sum();
        let expected = expected["sum_of_squares"].as_f64().unwrap();
        assert!((sum / expected - 1.0).abs() < 1e-6, "{name}: {sum} for {expected}");
    }
}

#[test]
fn the_configuration_is_the_published_one() {
    let Some(model) = model() else { return };
    let config = &model.config;
    assert_eq!(config.parameter_count(), 134_515_008);
    assert_eq!(
        (config.layers, config.attention_heads, config.key_value_heads, config.head_dim),
        (30, 9, 3, 64)
    );
    assert_eq!((config.rope_theta, config.rms_norm_epsilon), (100_000.0, 1e-5));
    assert!(config.tie_word_embeddings && config.eos_token_ids == [2]);
    assert!(model.chat_template.is_some());
}

#[test]
fn token_ids_equal_those_of_hugging_face_on_varied_text() {
    let Some(model) = model() else { return };
    let reference: Value = serde_json::from_str(include_str!("../fixtures/smollm2_tokens.json")).unwrap();
    let ids = |value: &Value| -> Vec<u32> { serde_json::from_value(value.clone()).unwrap() };
    for case in reference["plain"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        for allow_special in [true, false] {
            assert_eq!(model.tokenizer.encode(text, allow_special).unwrap(), ids(&case["ids"]), "{text:?}");
        }
        assert_eq!(model.tokenizer.decode(&ids(&case["ids"])), text);
    }
    let prompt = &reference["with_control"];
    let text = prompt["text"].as_str().unwrap();
    assert_eq!(model.tokenizer.encode(text, true).unwrap(), ids(&prompt["ids"]));
    let typed = model.tokenizer.encode(text, false).unwrap();
    assert!(typed.iter().all(|&id| !model.tokenizer.is_special(id)), "{typed:?}");
    assert_eq!(model.tokenizer.decode(&typed), text);
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration to be handed")]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn model() -> Option<ModelFiles> {
    let Some(path) = std::env::var_os("GRADUS_TEST_MODEL") else {
        eprintln!("skipped: GRADUS_TEST_MODEL is not set to the SmolLM2-135M-Instruct GGUF file");
        return None;
    };
    match files::load(&PathBuf::from(path)) {
        Ok(model) => Some(model),
        Err(error) => panic!("GRADUS_TEST_MODEL cannot be read: {error}"),
    }
}
