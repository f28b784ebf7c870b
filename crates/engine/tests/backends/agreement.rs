//! The CPU backend against the generic one in f64.

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use crate::{largest, relative_difference, variants};
use gradus_engine::adapter::{Adapter, LoraConfig, Method, TargetModule};
use gradus_engine::backend::generic::Precision;
use gradus_engine::backend::{Backend, Dropout, EmbeddingNoise, Noise};
use gradus_engine::batch::{PackedBatch, Sequence};

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
    check_training_on(&pack(&family(model, 90)), name, model, adapter, noise);
}

fn check_training_on(batch: &PackedBatch, name: &str, model: &TinyModel, adapter: &Adapter, noise: Noise) {
    let (expected_loss, expected) = gradients(&mut model.generic(Precision::Double), batch, adapter, noise);
    let single = &mut model.generic(Precision::Single);
    for (which, backend) in [("cpu", &mut model.cpu() as &mut dyn Backend), ("generic in f32", single)] {
        let (loss, got) = gradients(backend, batch, adapter, noise);
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

/// More rows than one part has, in sequences of a length that no block of a mask divides.
#[test]
fn a_batch_cut_into_parts_drops_the_features_that_it_drops_whole() {
    let model = TinyModel::changed(|config| config.layers = 1);
    let sequences: Vec<Sequence> = (0..3)
        .map(|index| Sequence::completion(&model.tokens(401, 40 + index), &[(7, 1.0), (3, 0.5)]))
        .collect();
    let batch = pack(&sequences);
    assert!(batch.tokens.len() > 1024);
    let dropout = Dropout { key: 42, probability: 0.3 };
    check_training_on(&batch, "two parts", &model, &model.adapter(4), dropout.into());
}

#[test]
fn rows_of_zeros_in_a_weight_do_no_harm_to_dora() {
    let model = TinyModel::llama().with_matrices(|name, values, _, cols| {
        let mut values = values.to_vec();
        if name.contains("proj") {
            values[..cols].fill(0.0);
            values[2 * cols..3 * cols].fill(0.0);
        }
        values
    });
    let method: Method = LoraConfig { weight_decomposed: true, ..model.lora(2) }.into();
    let base = model.cpu();
    let begun = Adapter::initial(&method, &model.config, 1, |name| base.base_tensor(name)).unwrap();
    let mut bare = begun.clone();
    bare.parameters.iter_mut().for_each(|parameter| *parameter += 0.1);
    for pair in begun.pairs() {
        bare.parameters[pair.b.clone()].fill(0.0);
    }
    for (name, adapter) in [("begun", &begun), ("with lengths for rows of zeros", &bare)] {
        for noise in [Noise::default(), Dropout { key: 42, probability: 0.8 }.into()] {
            check_training(name, &model, adapter, noise);
            let batch = pack(&family(&model, 90));
            let (loss, rounded) = gradients(&mut model.rounded(), &batch, adapter, noise);
            assert!(loss.is_finite() && rounded.iter().all(|gradient| gradient.is_finite()), "{name}");
        }
    }
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
