//! The CPU backend in bf16 against the same in f32: what differs is rounding.

use crate::sequences::{family, pack};
use crate::support::{TinyModel, read_in_pieces};
use crate::{largest, norm, variants};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::cpu::CpuBackend;
use gradus_engine::backend::{Backend, Dropout, Noise};
use gradus_engine::batch::{PackedBatch, Sequence};

fn gradients(
    backend: &mut CpuBackend,
    batch: &PackedBatch,
    adapter: &Adapter,
    noise: Noise,
) -> (f64, Vec<f32>) {
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let loss = backend.accumulate_gradients(batch, adapter, noise, 0.5, &mut gradients).unwrap();
    (loss, gradients)
}

/// Cosine of the angle between two vectors.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    product / (norm(a) * norm(b))
}

/// A width at which rounding errors average out, as in real models.
fn widened(model: &TinyModel) -> TinyModel {
    let mut config = model.config.clone();
    (config.hidden_size, config.intermediate_size, config.head_dim) = (64, 160, 16);
    TinyModel::changed(|changed| *changed = config)
}

#[test]
fn losses_and_gradients_are_those_of_f32_up_to_rounding_for_every_variant() {
    for (name, model) in variants() {
        let model = widened(&model);
        let batch = pack(&family(&model, 90));
        for (method, adapter) in model.trained_by_each_method(4) {
            check_rounding(&format!("{name}, {method}"), &model, &batch, &adapter);
        }
    }
}

fn check_rounding(name: &str, model: &TinyModel, batch: &PackedBatch, adapter: &Adapter) {
    for noise in [Noise::default(), Dropout { key: 42, probability: 0.3 }.into()] {
        let (expected_loss, expected) = gradients(&mut model.cpu(), batch, adapter, noise);
        let (loss, got) = gradients(&mut model.rounded(), batch, adapter, noise);
        let of_loss = (loss - expected_loss).abs() / expected_loss;
        assert!(of_loss < 0.01, "{name}: loss {loss} is not {expected_loss}");
        let (cosine, length) = (cosine(&got, &expected), norm(&got) / norm(&expected));
        assert!(cosine > 0.996, "{name}, {noise:?}: cosine {cosine}");
        assert!((length - 1.0).abs() < 0.03, "{name}, {noise:?}: length {length}");
    }
}

#[test]
fn reading_gives_the_logits_that_scoring_gives() {
    for (name, model) in variants() {
        let model = widened(&model);
        let adapter = model.adapter(4);
        let tokens = model.tokens(40, 3);
        let mut backend = model.rounded();
        let pieces: Vec<&[u32]> = std::iter::once(&tokens[..30]).chain(tokens[30..].chunks(1)).collect();
        let logits = read_in_pieces(&mut backend, Some(&adapter), &pieces).pop().unwrap();
        let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        let completion: Vec<(u32, f32)> = vec![(7, 1.0)];
        let batch = pack(&[Sequence::completion(&tokens, &completion)]);
        let scored = backend.log_probabilities(&batch, Some(&adapter)).unwrap();
        let difference = f64::from(scored[0]) - (f64::from(logits[7]) - total.ln());
        assert!(difference.abs() < 0.05, "{name}: {difference}");
    }
}

#[test]
fn a_batch_that_is_cut_into_parts_gives_what_its_sequences_give_one_by_one() {
    let model = widened(&TinyModel::llama());
    let adapter = model.adapter(4);
    let sequences: Vec<Sequence> = (0..5)
        .map(|index| {
            let tokens = model.tokens(400, 20 + index);
            let labels: Vec<(u32, f32)> = model.tokens(9, index).into_iter().map(|t| (t, 1.0)).collect();
            Sequence::completion(&tokens, &labels)
        })
        .collect();
    let mut backend = model.rounded();
    let (loss, together) = gradients(&mut backend, &pack(&sequences), &adapter, Noise::default());
    let mut one_by_one = vec![0.0; together.len()];
    let mut sum = 0.0;
    for sequence in &sequences {
        let batch = pack(std::slice::from_ref(sequence));
        sum +=
            backend.accumulate_gradients(&batch, &adapter, Noise::default(), 0.5, &mut one_by_one).unwrap();
    }
    assert!((loss - sum).abs() < 1e-3 * sum, "{loss} {sum}");
    let difference = together.iter().zip(&one_by_one).map(|(a, b)| f64::from(a - b));
    assert!(largest(difference) < 0.01 * largest(together.iter().map(|value| f64::from(*value))));
}
