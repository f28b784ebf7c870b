//! Merged models: what they say, what is beside the weights, and when an export is refused.

use std::fs;
use std::path::Path;

use gradus_engine::adapter::{Adapter, LoraConfig};
use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{self, BaseWeights, CpuBackend};
use gradus_engine::batch::Sequence;
use gradus_engine::chat::{Message, Role};
use gradus_engine::export::merged::{Drift, Merge, Precision, write_merged};
use gradus_engine::export::peft::read_adapter;
use gradus_engine::export::{ExportError, Original};
use gradus_engine::files;

use crate::environment;
use crate::peft::random_adapter;
use crate::reference::{
    Reference, backend, fixtures, largest_difference, original, read, scores, tiny_model,
};

#[test]
fn a_merged_model_scores_as_base_and_adapter_do() {
    let reference: Reference = read("tiny.json");
    let sample: Vec<Sequence> = reference.sample.iter().map(|example| example.sequence()).collect();
    let model = tiny_model();
    let adapter = read_adapter(&fixtures().join("final"), backend(&model).config()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (precision, name, tolerance) in [(Precision::F32, "f32", 1e-4), (Precision::Bf16, "bf16", 0.3)] {
        let path = directory.path().join(name);
        let merge = Merge { original: original(&model, &adapter, &sample), precision };
        let drift = write_merged(&path, &merge).unwrap();
        let found = scores(&mut backend(&path), None, &reference.sample);
        let difference = largest_difference(&found, &reference.sample_log_probabilities);
        println!("{name}: {drift}; from PEFT {difference:.2e}");
        assert!(difference < tolerance, "{name}: {difference}");
    }
    let size =
        |name: &str| fs::metadata(directory.path().join(name).join("model.safetensors")).unwrap().len();
    assert!(size("bf16") < size("f32") * 6 / 10);
}

#[test]
fn what_was_trained_on_rounded_weights_is_exported_with_those() {
    let sample: Vec<Sequence> = read::<Reference>("tiny.json").sample.iter().map(|e| e.sequence()).collect();
    let directory = tempfile::tempdir().unwrap();
    let model = tiny_model();
    let adapter = random_adapter(LoraConfig::default(), &backend(&model));
    let merged = |base_weights: BaseWeights| {
        let path = directory.path().join(base_weights.name());
        let original = Original { base_weights, ..original(&model, &adapter, &sample) };
        write_merged(&path, &Merge { original, precision: Precision::F32 }).unwrap();
        scores(&mut backend(&path), None, &read::<Reference>("tiny.json").sample)
    };
    let trained = |base_weights| {
        let files = files::load(&model).unwrap();
        let (config, weights) = (files.config, files.weights);
        let precision = cpu::Precision::F32;
        let mut backend = CpuBackend::with_base_weights(config, weights, precision, base_weights).unwrap();
        scores(&mut backend, Some(&adapter), &read::<Reference>("tiny.json").sample)
    };
    let full = merged(BaseWeights::Full);
    for base_weights in [BaseWeights::Q8, BaseWeights::Q4] {
        let (export, original) = (merged(base_weights), trained(base_weights));
        assert!(largest_difference(&export, &original) < 1e-4, "{}", base_weights.name());
        assert!(largest_difference(&full, &original) > 1e-3, "{} rounds something", base_weights.name());
    }
}

#[test]
fn tokenizer_and_chat_template_come_along() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("merged");
    let base = files::load(&tiny_model()).unwrap();
    let adapter = Adapter::new(LoraConfig::default(), &base.config, 3);
    let sample = [Sequence::completion(&[1, 2, 3], &[(4, 1.0)])];
    let model = tiny_model();
    let merge = Merge { original: original(&model, &adapter, &sample), precision: Precision::F32 };
    write_merged(&path, &merge).unwrap();
    let exported = files::load(&path).unwrap();
    assert_eq!(exported.config, base.config);
    assert_eq!(exported.tokenizer.special_ids(), base.tokenizer.special_ids());
    let messages = [Message::new(Role::User, "Ærø <|im_end|> 42")];
    let encode = |model: &files::ModelFiles| {
        let text = model.chat_template.as_ref().unwrap().render(&messages, true).unwrap();
        model.tokenizer.encode(&text, true).unwrap()
    };
    assert_eq!(encode(&exported), encode(&base));
}

#[test]
fn an_export_that_drifted_is_refused_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let model = tiny_model();
    // An update that drowns the weights: the rounding of their sum is large beside the weights.
    let lora = LoraConfig { rank: 16, alpha: 32.0, ..LoraConfig::default() };
    let mut adapter = random_adapter(lora, &backend(&model));
    adapter.parameters.iter_mut().for_each(|value| *value *= 30.0);
    let sample: Vec<Sequence> = read::<Reference>("tiny.json").sample.iter().map(|e| e.sequence()).collect();
    let merge = Merge { original: original(&model, &adapter, &sample), precision: Precision::Bf16 };
    let error = write_merged(&directory.path().join("merged"), &merge).unwrap_err();
    assert!(matches!(error, ExportError::Drifted { .. }), "{error}");
    assert!(error.to_string().contains("nats apart"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_adapter_of_another_model_and_a_sample_without_labels_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let model = tiny_model();
    let mut other = backend(&model).config().clone();
    other.layers = 3;
    let adapter = Adapter::new(LoraConfig::default(), &other, 1);
    let labelled = [Sequence::completion(&[1], &[(2, 1.0)])];
    let write = |sample: &[Sequence]| {
        let merge = Merge { original: original(&model, &adapter, sample), precision: Precision::F32 };
        write_merged(&directory.path().join("merged"), &merge)
    };
    assert!(matches!(write(&labelled), Err(ExportError::OtherBase { .. })));
    assert!(matches!(write(&[Sequence::default()]), Err(ExportError::EmptySample)));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn smollm2_is_merged_within_tolerance_in_both_precisions() {
    let Some(model) = environment::base_model() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    for precision in [Precision::F32, Precision::Bf16] {
        let drift = merge_smollm2(&model, precision, &directory.path().join(format!("{precision:?}")));
        println!("SmolLM2 {precision:?}: {drift}");
    }
}

pub(crate) fn merge_smollm2(model: &Path, precision: Precision, destination: &Path) -> Drift {
    let config = files::load(model).unwrap().config;
    let lora = LoraConfig { rank: 8, alpha: 16.0, dropout: 0.0, ..LoraConfig::default() };
    let mut adapter = Adapter::new(lora, &config, 9);
    // About as far as a training run moves B.
    for pair in adapter.pairs().to_vec() {
        for (k, value) in adapter.parameters[pair.b].iter_mut().enumerate() {
            *value = 2e-3 * (k as f32).cos();
        }
    }
    let reference: Reference = read("smollm2.json");
    let sample: Vec<Sequence> =
        reference.batches.iter().flatten().map(|example| example.sequence()).collect();
    let merge = Merge { original: original(model, &adapter, &sample), precision };
    write_merged(destination, &merge).unwrap()
}
