//! The CPU backend against the generic one in f64.

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use crate::{largest, relative_difference, variants};
use gradus_engine::adapter::{Adapter, LoraConfig, TargetModule};
use gradus_engine::backend::generic::Precision;
use gradus_engine::backend::{Backend, Dropout, EmbeddingNoise, Noise};
use gradus_engine::batch::PackedBatch;

fn gradients(
    backend: &mut dyn Backend,
    batch: &PackedBatch,
    adapter: &Adapter,
    noise: Noise,
) -> (f64, Vec<f32>) {
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let loss = backend.accumulate_gradients(batch, adapter, noise, 0.5, &mut gradients).unwrap();
    (loss, gradients)
}

fn check_training(name: &str, model: &TinyModel, adapter: &Adapter, noise: Noise) {
    let batch = pack(&family(model, 90));
    let (expected_loss, expected) = gradients(&mut model.generic(Precision::Double), &batch, adapter, noise);
    let single = &mut model.generic(Precision::Single);
    for (which, backend) in [("cpu", &mut model.cpu() as &mut dyn Backend), ("generic in f32", single)] {
        let (loss, got) = gradients(backend, &batch, adapter, noise);
        let of_loss = (loss - expected_loss).abs() / expected_loss;
        assert!(of_loss < 1e-5, "{name}, {which}: loss {loss} is not {expected_loss}");
        let of_gradients = relative_difference(&got, &expected);
        assert!(of_gradients < 1e-4, "{name}, {which}: gradients differ by {of_gradients:e}");
    }
}

#[test]
fn loss_and_gradients_agree_for_every_variant_and_method_with_noise_and_without() {
    for (name, model) in variants() {
        let dropout = Dropout { key: 42, probability: 0.3 };
        let noise = Noise { embedding: Some(EmbeddingNoise { key: 7, amplitude: 0.2 }), ..dropout.into() };
        for (method, adapter) in model.trained_by_each_method(4) {
            check_training(&format!("{name}, {method}"), &model, &adapter, noise);
            check_training(&format!("{name}, {method} without noise"), &model, &adapter, Noise::default());
        }
    }
}

#[test]
fn loss_and_gradients_agree_without_dropout_and_with_some_modules_only() {
    let model = TinyModel::llama();
    let target_modules = vec![TargetModule::DownProj, TargetModule::VProj];
    let config = LoraConfig { rank: 3, alpha: 2.0, target_modules, ..LoraConfig::default() };
    let mut adapter = Adapter::new(config, &model.config, 9);
    adapter.parameters.iter_mut().for_each(|parameter| *parameter += 0.1);
    check_training("two modules", &model, &adapter, Noise::default());
    check_training("dropout of nothing", &model, &adapter, Dropout { key: 1, probability: 0.0 }.into());
}

#[test]
fn gradients_are_added_to_what_is_there() {
    let model = TinyModel::llama();
    let (batch, adapter) = (pack(&family(&model, 9)), model.adapter(2));
    for backend in [&mut model.cpu() as &mut dyn Backend, &mut model.generic(Precision::Single)] {
        let (_, once) = gradients(backend, &batch, &adapter, Noise::default());
        let mut sums = vec![1.0; once.len()];
        backend.accumulate_gradients(&batch, &adapter, Noise::default(), 0.5, &mut sums).unwrap();
        let added: Vec<f32> = sums.iter().map(|sum| sum - 1.0).collect();
        assert!(relative_difference(&added, &once) < 1e-5);
    }
}

#[test]
fn log_probabilities_agree_with_and_without_an_adapter() {
    for (name, model) in variants() {
        let (batch, adapters) = (pack(&family(&model, 90)), model.trained_by_each_method(4));
        // One after the other in one backend: what was made for one adapter must not serve another.
        let (mut generic, mut cpu) = (model.generic(Precision::Double), model.cpu());
        for adapter in adapters.iter().map(|(_, adapter)| Some(adapter)).chain([None]) {
            let expected = generic.log_probabilities(&batch, adapter).unwrap();
            let got = cpu.log_probabilities(&batch, adapter).unwrap();
            assert_eq!(got.len(), batch.labels.len());
            let error = largest(got.iter().zip(&expected).map(|(a, b)| f64::from(a - b)));
            assert!(error < 1e-4, "{name}: {error:e}");
        }
    }
}

#[test]
fn a_batch_without_labels_has_no_loss_and_no_gradient() {
    let model = TinyModel::llama();
    let mut sequences = family(&model, 9);
    sequences.iter_mut().for_each(|sequence| sequence.labels.clear());
    let adapter = model.adapter(2);
    for backend in [&mut model.cpu() as &mut dyn Backend, &mut model.generic(Precision::Single)] {
        for batch in [pack(&sequences), PackedBatch::default()] {
            let (loss, gradients) = gradients(backend, &batch, &adapter, Noise::default());
            assert_eq!(loss, 0.0);
            assert!(gradients.iter().all(|gradient| *gradient == 0.0));
            assert!(backend.log_probabilities(&batch, Some(&adapter)).unwrap().is_empty());
        }
    }
}
