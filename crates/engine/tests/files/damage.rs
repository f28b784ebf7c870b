//! Damaged, cut-off and hostile model files are refused with a message that says what to do, and never
//! with a panic or a giant allocation.

use crate::tiny_model::{self, Gguf};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use gradus_engine::files::{self, FilesError};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[test]
fn a_gguf_cut_off_in_its_weights_says_how_many_bytes_are_missing() {
    let (_directory, path) = gguf(|_| {});
    let whole = std::fs::metadata(&path).unwrap().len();
    cut(&path, whole - 5000);
    match files::load(&path).unwrap_err() {
        FilesError::Truncated { expected, found, .. } => {
            assert_eq!(found, whole - 5000);
            assert!(expected > found && expected <= whole);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_gguf_cut_off_anywhere_is_refused_without_a_panic() {
    let (_directory, path) = gguf(|_| {});
    let bytes = std::fs::read(&path).unwrap();
    for length in (0..bytes.len() - 32).step_by(97) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let message = files::load(&path).unwrap_err().to_string();
        assert!(
            message.contains("tiny.gguf") && message.contains("pull the model again"),
            "{length}: {message}"
        );
    }
}

#[test]
fn any_single_flipped_header_byte_is_read_or_refused_without_a_panic() {
    let (_directory, path) = gguf(|_| {});
    let bytes = std::fs::read(&path).unwrap();
    for position in (0..bytes.len().min(9000)).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x91;
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(mut model) = files::load(&path) {
            let names: Vec<String> = model.weights.names().map(str::to_owned).collect();
            for name in names {
                let _ = model.weights.take(&name);
            }
        }
    }
}

#[test]
fn headers_that_announce_absurd_sizes_are_refused() {
    let (_directory, path) = gguf(|_| {});
    let bytes = std::fs::read(&path).unwrap();
    // Tensor count, metadata count, and the length of the first key.
    for position in [8, 16, 24] {
        let mut hostile = bytes.clone();
        hostile[position..position + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        std::fs::write(&path, &hostile).unwrap();
        assert!(matches!(files::load(&path), Err(FilesError::Damaged { .. })), "{position}");
    }
}

#[test]
fn an_alignment_of_zero_is_refused() {
    let (_directory, path) = gguf(|gguf| {
        gguf.metadata.insert("general.alignment".to_owned(), Value::U32(0));
    });
    assert!(matches!(files::load(&path), Err(FilesError::Damaged { .. })));
}

#[test]
fn a_layer_count_beyond_the_file_names_the_first_missing_tensor() {
    let (_directory, path) = gguf(|gguf| {
        gguf.metadata.insert("llama.block_count".to_owned(), Value::U32(2_000_000_000));
    });
    let message = files::load(&path).unwrap_err().to_string();
    assert!(message.contains("model.layers.2.input_layernorm.weight"), "{message}");
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let (_directory, path) = gguf(|gguf| {
        gguf.metadata.insert("llama.feed_forward_length".to_owned(), Value::U32(96));
    });
    let message = files::load(&path).unwrap_err().to_string();
    let expected = "\"model.layers.0.mlp.gate_proj.weight\" should have the shape [96, 32] but has [64, 32]";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn an_unsupported_architecture_is_named_beside_the_supported_ones() {
    let (_directory, path) = gguf(|gguf| {
        gguf.metadata.insert("general.architecture".to_owned(), Value::String("gemma2".to_owned()));
    });
    let message = files::load(&path).unwrap_err().to_string();
    assert!(message.contains("gemma2") && message.contains("qwen3"), "{message}");
}

#[test]
fn what_the_engine_does_not_compute_is_refused() {
    let cases: [(&str, Value, &str); 4] = [
        ("llama.rope.scaling.type", Value::String("yarn".to_owned()), "yarn"),
        ("llama.rope.dimension_count", Value::U32(4), "rotating 4 of the 8"),
        ("split.count", Value::U16(3), "--merge"),
        ("tokenizer.ggml.pre", Value::String("tekken".to_owned()), "tekken"),
    ];
    for (key, value, mentioned) in cases {
        let (_directory, path) = gguf(|gguf| {
            gguf.metadata.insert(key.to_owned(), value);
        });
        let message = files::load(&path).unwrap_err().to_string();
        assert!(message.contains(mentioned), "{message}");
    }
}

#[test]
fn a_tokenizer_larger_than_the_embedding_is_refused() {
    let (_directory, path) = gguf(|gguf| {
        let (shape, data, _) = gguf.tensors.get_mut("token_embd.weight").unwrap();
        shape[0] -= 1;
        data.truncate(shape[0] * 32);
    });
    let message = files::load(&path).unwrap_err().to_string();
    assert!(message.contains("belong to different models"), "{message}");
}

#[test]
fn something_else_than_a_model_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("model.gguf");
    std::fs::write(&page, "<!doctype html><title>Sign in</title>").unwrap();
    assert!(files::load(&page).unwrap_err().to_string().contains("GGUF"));
    let nowhere = directory.path().join("nowhere");
    assert!(files::load(&nowhere).unwrap_err().to_string().contains("nowhere"));
}

#[test]
fn a_directory_that_lacks_a_file_says_which() {
    for missing in ["config.json", "tokenizer.json", "model.safetensors"] {
        let directory = hugging_face(1);
        std::fs::remove_file(directory.path().join(missing)).unwrap();
        let message = files::load(directory.path()).unwrap_err().to_string();
        assert!(message.contains(missing) && message.contains("pull the model again"), "{message}");
    }
    let directory = hugging_face(1);
    std::fs::remove_file(directory.path().join("model.safetensors")).unwrap();
    std::fs::write(directory.path().join("pytorch_model.bin"), "").unwrap();
    assert!(files::load(directory.path()).unwrap_err().to_string().contains("convert"));
}

#[test]
fn safetensors_cut_off_or_damaged_are_refused() {
    let directory = hugging_face(1);
    let path = directory.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    for length in (0..bytes.len()).step_by(211).chain([bytes.len() - 1]) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let message = files::load(directory.path()).unwrap_err().to_string();
        assert!(message.contains("model.safetensors"), "{length}: {message}");
    }
    let expected = bytes.len() as u64;
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = files::load(directory.path()).unwrap_err();
    assert!(
        matches!(error, FilesError::Truncated { expected: whole, found, .. } if whole == expected && found == expected - 1)
    );

    let mut hostile = bytes.clone();
    hostile[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&path, &hostile).unwrap();
    assert!(matches!(files::load(directory.path()), Err(FilesError::Damaged { .. })));
}

#[test]
fn an_index_may_not_name_files_outside_its_directory() {
    let directory = hugging_face(2);
    let index = directory.path().join("model.safetensors.index.json");
    for name in ["../secret.safetensors", "/etc/passwd", "..", "a/b.safetensors"] {
        std::fs::write(&index, serde_json::json!({ "weight_map": { "x": name } }).to_string()).unwrap();
        let message = files::load(directory.path()).unwrap_err().to_string();
        assert!(message.contains("outside the model's directory"), "{message}");
    }
}

#[test]
fn a_missing_shard_is_named() {
    let directory = hugging_face(3);
    std::fs::remove_file(directory.path().join("model-00002-of-00003.safetensors")).unwrap();
    assert!(
        files::load(directory.path()).unwrap_err().to_string().contains("model-00002-of-00003.safetensors")
    );
}

fn gguf(change: impl FnOnce(&mut Gguf)) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tiny.gguf");
    let mut gguf = Gguf::tiny("llama", GgmlDType::F32);
    change(&mut gguf);
    gguf.write(&path);
    (directory, path)
}

fn hugging_face(shards: usize) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write_hugging_face(directory.path(), shards);
    directory
}

fn cut(path: &Path, length: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}
