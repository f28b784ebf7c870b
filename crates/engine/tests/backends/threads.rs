//! Results of the CPU backend do not depend on how many threads computed them.

use crate::gemma3;
use crate::sequences::{family, pack};
use crate::support::{TinyModel, read_in_pieces};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::cpu::{BaseWeights, CpuBackend, Precision};
use gradus_engine::backend::{Backend, Dropout};
use gradus_engine::batch::PackedBatch;
use gradus_engine::config::ModelConfig;

/// Large enough for every kernel to be cut into pieces, in widths of whole blocks.
fn model() -> TinyModel {
    changed(|_| ())
}

fn changed(change: impl FnOnce(&mut ModelConfig)) -> TinyModel {
    TinyModel::changed(|config| {
        change(config);
        (config.hidden_size, config.intermediate_size, config.vocabulary_size) = (64, 480, 700);
        (config.head_dim, config.sliding_window) = (16, Some(150));
    })
}

#[test]
fn one_thread_and_several_give_the_same_bits_by_every_method() {
    let model = model();
    let batch = pack(&family(&model, 250));
    for precision in [Precision::F32, Precision::Bf16] {
        let backend = || model.quantised(precision, BaseWeights::Full);
        for (method, adapter) in model.trained_by_each_method(8) {
            check(&format!("{method}, {precision:?}"), backend, &batch, &adapter);
        }
    }
}

#[test]
fn one_thread_and_several_give_the_same_bits_on_a_gemma() {
    let model = changed(gemma3);
    let batch = pack(&family(&model, 250));
    for precision in [Precision::F32, Precision::Bf16] {
        let backend = || model.quantised(precision, BaseWeights::Full);
        for (method, adapter) in model.trained_by_each_method(8) {
            check(&format!("{method}, {precision:?}"), backend, &batch, &adapter);
        }
    }
}

#[test]
fn one_thread_and_several_give_the_same_bits_on_quantised_weights() {
    let model = model();
    let batch = pack(&family(&model, 250));
    for precision in [Precision::F32, Precision::Bf16] {
        for base_weights in [BaseWeights::Q8, BaseWeights::Q4] {
            let backend = || model.quantised(precision, base_weights);
            for (method, adapter) in model.trained_by_each_method(8) {
                check(&format!("{method}, {precision:?}, {base_weights:?}"), backend, &batch, &adapter);
            }
        }
    }
}

fn check(name: &str, backend: impl Fn() -> CpuBackend + Sync, batch: &PackedBatch, adapter: &Adapter) {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut backend = backend();
            let mut gradients = vec![0.0; adapter.parameters.len()];
            let noise = Dropout { key: 1, probability: 0.1 }.into();
            let loss = backend.accumulate_gradients(batch, adapter, noise, 0.01, &mut gradients).unwrap();
            let log_probabilities = backend.log_probabilities(batch, Some(adapter)).unwrap();
            let logits = read_in_pieces(&mut backend, Some(adapter), &[&batch.tokens[..200]]).concat();
            let all = [gradients, log_probabilities, logits].concat();
            (loss.to_bits(), all.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one.1.iter().filter(|bits| **bits != 0).count() > one.1.len() / 2);
    for threads in [2, 3] {
        assert!(run(threads) == one, "{name}, {threads} threads");
    }
}
