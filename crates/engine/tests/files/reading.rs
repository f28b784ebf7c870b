//! Sound models in every supported form give the same configuration, weights and tokenizer.

use crate::tiny_model::{self, Gguf};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use gradus_engine::config::{Family, RopeScaling};
use gradus_engine::files::{self, ModelFiles, Stored};

#[test]
fn an_unquantised_gguf_gives_back_every_weight_in_the_hugging_face_layout() {
    let model = load(&Gguf::tiny("llama", GgmlDType::F32));
    assert_eq!(model.config, tiny_model::config());
    assert_eq!(largest_difference(model), 0.0);
}

#[test]
fn qwen_files_are_not_reordered_and_have_their_biases_or_head_norms() {
    let qwen2 = load(&Gguf::tiny("qwen2", GgmlDType::F32));
    assert_eq!((qwen2.config.family, qwen2.config.attention_bias), (Family::Qwen2, true));
    assert_eq!(largest_difference(qwen2), 0.0);
    let qwen3 = load(&Gguf::tiny("qwen3", GgmlDType::F32));
    assert_eq!((qwen3.config.family, qwen3.config.query_key_norm), (Family::Qwen3, true));
    assert_eq!(largest_difference(qwen3), 0.0);
}

#[test]
fn every_small_block_format_is_read_to_its_own_precision() {
    // Relative to the largest weight of a block: half a step of the format.
    let formats = [
        (GgmlDType::F16, 0.001),
        (GgmlDType::BF16, 0.005),
        (GgmlDType::Q8_0, 0.01),
        (GgmlDType::Q5_0, 0.08),
        (GgmlDType::Q5_1, 0.05),
        (GgmlDType::Q4_0, 0.15),
        (GgmlDType::Q4_1, 0.08),
    ];
    for (format, precision) in formats {
        let model = load(&Gguf::tiny("llama", format));
        let largest = tiny_model::weights(&model.config)
            .values()
            .flat_map(|(_, data)| data.clone())
            .fold(0.0, f32::max);
        let difference = largest_difference(model);
        assert!(difference > 0.0 || format == GgmlDType::F16, "{format:?} lost nothing");
        assert!(difference <= precision * largest, "{format:?} is {difference} off of {largest}");
    }
}

#[test]
fn blocks_taken_as_they_are_stored_stand_for_the_numbers_that_are_read() {
    for (format, kept) in [
        (GgmlDType::Q4_0, true),
        (GgmlDType::Q4_1, true),
        (GgmlDType::Q8_0, true),
        (GgmlDType::Q5_1, false),
        (GgmlDType::BF16, false),
    ] {
        let gguf = Gguf::tiny("llama", format);
        let (mut widened, mut stored) = (load(&gguf).weights, load(&gguf).weights);
        let names: Vec<String> = stored.names().map(str::to_owned).collect();
        let mut quantised = 0;
        for name in names {
            let expected = widened.take(&name).unwrap();
            match stored.take_as_stored(&name).unwrap() {
                Stored::Single(tensor) => assert_eq!(tensor, expected, "{name}"),
                Stored::Quantised(matrix) => {
                    assert_eq!(vec![matrix.rows(), matrix.cols()], expected.shape, "{name}");
                    assert!(matrix.dequantise() == expected.data, "{format:?} {name}");
                    quantised += 1;
                }
            }
            assert!(stored.take_as_stored(&name).is_err(), "{name} can be taken once");
        }
        assert_eq!(quantised > 0, kept, "{format:?}");
    }
}

#[test]
fn k_quants_are_read_where_rows_fill_their_blocks() {
    for (format, precision) in [(GgmlDType::Q4K, 0.1), (GgmlDType::Q5K, 0.05), (GgmlDType::Q6K, 0.05)] {
        let mut gguf = Gguf::tiny("llama", GgmlDType::F32);
        widen(&mut gguf);
        let expected = gguf.tensors["blk.1.ffn_up.weight"].1.clone();
        gguf.tensors.get_mut("blk.1.ffn_up.weight").unwrap().2 = format;
        let found = load(&gguf).weights.take("model.layers.1.mlp.up_proj.weight").unwrap().data;
        let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst > 0.0 && worst < precision, "{format:?} is {worst} off");
    }
}

#[test]
fn the_rotary_factors_of_llama_3_are_recognised_and_others_refused() {
    let mut config = tiny_model::config();
    let plain = config.rope_inverse_frequencies();
    config.rope_scaling = RopeScaling::Llama3 {
        factor: 32.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context_length: 8192,
    };
    let mut gguf = Gguf::tiny("llama", GgmlDType::F32);
    gguf.metadata.insert("llama.rope.freq_base".to_owned(), Value::F32(500_000.0));
    config.rope_theta = 500_000.0;
    let mut unscaled = config.clone();
    unscaled.rope_scaling = RopeScaling::None;
    let scaled = config.rope_inverse_frequencies();
    let factors: Vec<f32> =
        unscaled.rope_inverse_frequencies().iter().zip(&scaled).map(|(a, b)| a / b).collect();
    assert_ne!(plain, scaled);
    gguf.tensors.insert("rope_freqs.weight".to_owned(), (vec![4], factors, GgmlDType::F32));
    assert_eq!(load(&gguf).config.rope_scaling, config.rope_scaling);

    gguf.tensors.get_mut("rope_freqs.weight").unwrap().1 = vec![1.0, 3.0, 9.0, 32.0];
    let message = try_load(&gguf).unwrap_err().to_string();
    assert!(message.contains("rope_freqs.weight"), "{message}");
}

#[test]
fn a_hugging_face_directory_reads_the_same_whole_and_in_shards() {
    let whole = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(whole.path(), 1);
    let sharded = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(sharded.path(), 3);
    let (whole, sharded) = (files::load(whole.path()).unwrap(), files::load(sharded.path()).unwrap());
    assert_eq!(whole.config, tiny_model::config());
    assert_ne!(whole.fingerprint, sharded.fingerprint);
    assert_eq!(largest_difference(whole), 0.0);
    assert_eq!(largest_difference(sharded), 0.0);
}

#[test]
fn both_forms_of_a_model_have_the_same_tokenizer_and_template() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(directory.path(), 1);
    let hugging_face = files::load(directory.path()).unwrap();
    let gguf = load(&Gguf::tiny("llama", GgmlDType::F32));
    assert_eq!(hugging_face.tokenizer.special_ids(), gguf.tokenizer.special_ids());
    let text = "<|im_start|>user\nthe theory <|im_end|>";
    for special in [true, false] {
        assert_eq!(
            hugging_face.tokenizer.encode(text, special).unwrap(),
            gguf.tokenizer.encode(text, special).unwrap()
        );
    }
    let source = |model: &ModelFiles| model.chat_template.as_ref().unwrap().source().to_owned();
    assert_eq!(source(&hugging_face), source(&gguf));
}

#[test]
fn the_end_of_turn_of_the_generation_settings_counts_too() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(directory.path(), 1);
    std::fs::write(directory.path().join("generation_config.json"), r#"{"eos_token_id": [0, 2]}"#).unwrap();
    assert_eq!(files::load(directory.path()).unwrap().config.eos_token_ids, [2, 0]);
}

#[test]
fn the_end_of_text_of_the_tokenizer_counts_beside_that_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(directory.path(), 1);
    std::fs::write(directory.path().join("tokenizer_config.json"), r#"{"eos_token": "<|endoftext|>"}"#)
        .unwrap();
    let model = files::load(directory.path()).unwrap();
    assert_eq!(model.config.eos_token_ids, [2, 0]);
    assert_eq!(model.tokenizer.special_ids().eos, Some(0));
}

#[test]
fn a_llama_file_with_biases_is_refused_rather_than_read_without_them() {
    let mut gguf = Gguf::tiny("llama", GgmlDType::F32);
    gguf.tensors.insert("blk.0.attn_q.bias".to_owned(), (vec![32], vec![1.0; 32], GgmlDType::F32));
    let message = try_load(&gguf).unwrap_err().to_string();
    assert!(message.contains("biases"), "{message}");
}

#[test]
fn a_tensor_can_be_taken_once() {
    let mut model = load(&Gguf::tiny("llama", GgmlDType::F32));
    let count = model.weights.names().count();
    assert_eq!(model.weights.shape("model.norm.weight"), Some([32].as_slice()));
    assert!(model.weights.take("model.norm.weight").is_ok());
    assert!(model.weights.take("model.norm.weight").is_err());
    assert_eq!(model.weights.names().count(), count - 1);
}

#[test]
fn the_fingerprint_is_the_hash_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tiny.gguf");
    Gguf::tiny("llama", GgmlDType::Q8_0).write(&path);
    let expected = blake3::hash(&std::fs::read(&path).unwrap());
    assert_eq!(files::load(&path).unwrap().fingerprint, expected);
}

fn try_load(gguf: &Gguf) -> Result<ModelFiles, files::FilesError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tiny.gguf");
    gguf.write(&path);
    // The open file outlives its name.
    files::load(&path)
}

fn load(gguf: &Gguf) -> ModelFiles {
    try_load(gguf).unwrap()
}

fn largest_difference(mut model: ModelFiles) -> f32 {
    let mut largest: f32 = 0.0;
    for (name, (shape, expected)) in tiny_model::weights(&model.config) {
        let tensor = model.weights.take(&name).unwrap();
        assert_eq!(tensor.shape, shape, "{name}");
        for (expected, found) in expected.iter().zip(&tensor.data) {
            largest = largest.max((expected - found).abs());
        }
    }
    assert_eq!(model.weights.names().count(), 0);
    largest
}

/// K-quants come in blocks of 256: makes the model that wide.
fn widen(gguf: &mut Gguf) {
    let mut config = tiny_model::config();
    config.hidden_size = 256;
    gguf.metadata.insert("llama.embedding_length".to_owned(), Value::U32(256));
    gguf.metadata.insert("llama.attention.key_length".to_owned(), Value::U32(8));
    for (shape, data, _) in gguf.tensors.values_mut() {
        for side in shape.iter_mut().filter(|side| **side == 32) {
            *side = 256;
        }
        let count: usize = shape.iter().product();
        *data = (0..count).map(|index| (index as f32 * 0.37).sin()).collect();
    }
    // Queries have four heads of eight dimensions, whatever the width.
    for layer in 0..2 {
        for (name, shape) in [("attn_q", [32, 256]), ("attn_output", [256, 32])] {
            let tensor = gguf.tensors.get_mut(&format!("blk.{layer}.{name}.weight")).unwrap();
            tensor.0 = shape.to_vec();
            tensor.1.truncate(32 * 256);
        }
    }
}
