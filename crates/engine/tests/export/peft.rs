//! Adapters in the layout of PEFT, read and written.

use std::fs;
use std::path::Path;

use gradus_engine::adapter::{Adapter, LoraConfig, Method, TargetModule};
use gradus_engine::backend::Backend;
use gradus_engine::export::ExportError;
use gradus_engine::export::peft::{read_adapter, write_adapter};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::reference::{Reference, backend, fixtures, generic, largest_difference, read, scores, tiny_model};

#[test]
fn an_adapter_made_by_peft_scores_here_as_it_does_there() {
    let reference: Reference = read("tiny.json");
    let mut backend = backend(&tiny_model());
    let adapter = read_adapter(&fixtures().join("final"), backend.config()).unwrap();
    assert_eq!((adapter.method().lora().unwrap().rank, adapter.method().lora().unwrap().alpha), (4, 8.0));
    let expected = &reference.sample_log_probabilities;
    let with = largest_difference(&scores(&mut backend, Some(&adapter), &reference.sample), expected);
    let without = largest_difference(&scores(&mut backend, None, &reference.sample), expected);
    println!("log-probabilities within {with:.2e} (without the adapter {without:.2e})");
    assert!(with < 1e-4 && without > 0.1, "{with} {without}");
}

#[test]
fn an_adapter_survives_writing_and_reading_bit_for_bit() {
    let backend = generic(&tiny_model());
    for (rank_stabilised, weight_decomposed) in [(false, false), (true, true)] {
        let target_modules = vec![TargetModule::DownProj, TargetModule::QProj];
        let config = LoraConfig {
            rank: 3,
            alpha: 7.5,
            target_modules,
            dropout: 0.05,
            rank_stabilised,
            weight_decomposed,
        };
        let adapter = random_adapter(config, &backend);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("adapter");
        write_adapter(&path, &adapter, "base").unwrap();
        assert_eq!(read_adapter(&path, backend.config()).unwrap(), adapter);
    }
}

#[test]
fn a_model_of_which_all_weights_were_trained_has_no_adapter_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let adapter = Adapter::zeroed(Method::Full, backend(&tiny_model()).config());
    let error = write_adapter(&directory.path().join("adapter"), &adapter, "base").unwrap_err();
    assert!(matches!(error, ExportError::NoAdapter), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_existing_directory_is_never_overwritten() {
    let backend = backend(&tiny_model());
    let adapter = Adapter::new(LoraConfig::default(), backend.config(), 1);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("precious"), "").unwrap();
    let error = write_adapter(directory.path(), &adapter, "base").unwrap_err();
    assert!(matches!(error, ExportError::AlreadyThere { .. }), "{error}");
    assert!(directory.path().join("precious").exists());
}

#[test]
fn an_export_that_fails_leaves_nothing_behind() {
    let backend = backend(&tiny_model());
    let adapter = Adapter::new(LoraConfig::default(), backend.config(), 1);
    let directory = tempfile::tempdir().unwrap();
    let destination = directory.path().join("file/adapter");
    fs::write(directory.path().join("file"), "").unwrap();
    assert!(matches!(write_adapter(&destination, &adapter, "base"), Err(ExportError::Io { .. })));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_an_interrupted_export_left_does_not_stand_in_the_way() {
    let backend = backend(&tiny_model());
    let adapter = Adapter::new(LoraConfig::default(), backend.config(), 1);
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".partial-adapter")).unwrap();
    fs::write(directory.path().join(".partial-adapter/half"), "").unwrap();
    write_adapter(&directory.path().join("adapter"), &adapter, "base").unwrap();
    assert!(!directory.path().join("adapter/half").exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_adapter_of_another_model_is_refused_with_both_shapes() {
    let mut other = backend(&tiny_model()).config().clone();
    other.intermediate_size = 96;
    let error = read_adapter(&fixtures().join("final"), &other).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, ExportError::TensorShape { .. }), "{message}");
    assert!(message.contains("down_proj") && message.contains("96") && message.contains("160"), "{message}");
}

#[test]
fn adapters_in_half_precision_are_read() {
    let backend = backend(&tiny_model());
    let exact = read_adapter(&fixtures().join("final"), backend.config()).unwrap();
    let directory = changed_adapter(|name, values| {
        let rounded = values.iter().flat_map(|value| half::bf16::from_f32(*value).to_le_bytes());
        vec![(name.to_owned(), Dtype::BF16, rounded.collect())]
    });
    let read = read_adapter(directory.path(), backend.config()).unwrap();
    let rounded = |value: &f32| half::bf16::from_f32(*value).to_f32();
    assert_eq!(read.parameters[..], exact.parameters.iter().map(rounded).collect::<Vec<_>>()[..]);
}

#[test]
fn a_layer_left_out_and_a_tensor_too_many_are_refused_by_name() {
    let config = backend(&tiny_model()).config().clone();
    let f32_bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let without_a_layer = changed_adapter(|name, values| {
        let kept = !name.contains("layers.1.self_attn.k_proj");
        kept.then(|| (name.to_owned(), Dtype::F32, f32_bytes(values))).into_iter().collect()
    });
    let message = read_adapter(without_a_layer.path(), &config).unwrap_err().to_string();
    assert!(message.contains("layers.1.self_attn.k_proj.lora_A"), "{message}");

    let with_magnitudes = changed_adapter(|name, values| {
        let mut tensors = vec![(name.to_owned(), Dtype::F32, f32_bytes(values))];
        if name.contains("layers.0.self_attn.q_proj.lora_A") {
            tensors.push((name.replace("lora_A", "lora_magnitude"), Dtype::F32, f32_bytes(values)));
        }
        tensors
    });
    let message = read_adapter(with_magnitudes.path(), &config).unwrap_err().to_string();
    assert!(message.contains("lora_magnitude"), "{message}");
}

#[test]
fn a_cut_off_file_is_refused() {
    let config = backend(&tiny_model()).config().clone();
    let directory = tempfile::tempdir().unwrap();
    copy(&fixtures().join("final"), directory.path());
    let path = directory.path().join("adapter_model.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    assert!(matches!(read_adapter(directory.path(), &config), Err(ExportError::Damaged { .. })));
}

pub(crate) fn random_adapter(config: LoraConfig, backend: &dyn Backend) -> Adapter {
    let base = |name: &str| backend.base_tensor(name);
    let mut adapter = Adapter::initial(&config.into(), backend.config(), 5, base).unwrap();
    for (k, value) in adapter.parameters[..].iter_mut().enumerate() {
        *value += 0.05 * (k as f32).cos();
    }
    adapter
}

type Rewritten = Vec<(String, Dtype, Vec<u8>)>;

/// The adapter that PEFT made, with each tensor (given by name and values) replaced.
fn changed_adapter(change: impl Fn(&str, &[f32]) -> Rewritten) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy(&fixtures().join("final"), directory.path());
    let path = directory.path().join("adapter_model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let mut rewritten = Vec::new();
    for (name, tensor) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
        let (elements, _) = tensor.data().as_chunks::<4>();
        let values: Vec<f32> = elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        rewritten.extend(change(&name, &values).into_iter().map(|new| (new, tensor.shape().to_vec())));
    }
    let views = rewritten.iter().map(|((name, dtype, data), shape)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    directory
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
