//! Packing and micro-batching change how a window is computed, never its loss or gradient.

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use crate::{relative_difference, variants};
use gradus_engine::backend::cpu::CpuBackend;
use gradus_engine::backend::{Backend, EmbeddingNoise, Noise};
use gradus_engine::batch::{PackedBatch, Sequence, micro_batches};

/// Loss and gradients of a window computed batch by batch.
fn window(backend: &mut CpuBackend, model: &TinyModel, batches: &[PackedBatch]) -> (f64, Vec<f32>) {
    let adapter = model.adapter(3);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    // Of an embedding's noise, too, packing changes nothing.
    let noise = Noise { embedding: Some(EmbeddingNoise { key: 5, amplitude: 0.3 }), dropout: None };
    let losses = batches
        .iter()
        .map(|batch| backend.accumulate_gradients(batch, &adapter, noise, 0.1, &mut gradients).unwrap());
    let loss = losses.sum();
    (loss, gradients)
}

#[test]
fn sequences_one_at_a_time_packed_and_in_any_micro_batches_train_the_same() {
    for (name, model) in variants() {
        let sequences = family(&model, 40);
        let references: Vec<&Sequence> = sequences.iter().collect();
        let backend = &mut model.cpu();
        let alone: Vec<PackedBatch> = references.iter().map(|one| PackedBatch::pack(&[one])).collect();
        let (expected_loss, expected) = window(backend, &model, &alone);

        let packed = pack(&sequences);
        let unpacked_rows: usize = alone.iter().map(|batch| batch.tokens.len()).sum();
        assert!(packed.tokens.len() + 80 < unpacked_rows, "the question is shared");
        let mut splits = vec![vec![packed]];
        for max_rows in [45, 60, 100] {
            let of_indices = |indices: &Vec<usize>| {
                PackedBatch::pack(&indices.iter().map(|index| references[*index]).collect::<Vec<_>>())
            };
            splits.push(micro_batches(&references, max_rows).iter().map(of_indices).collect());
        }
        assert!(splits.iter().any(|split| split.len() == 2 || split.len() == 3));
        for split in splits {
            let (loss, gradients) = window(backend, &model, &split);
            let of_loss = (loss - expected_loss).abs() / expected_loss;
            assert!(of_loss < 1e-6, "{name}, {} batches: {loss} is not {expected_loss}", split.len());
            let of_gradients = relative_difference(&gradients, &expected);
            assert!(of_gradients < 1e-4, "{name}, {} batches: {of_gradients:e}", split.len());
        }
    }
}

#[test]
fn log_probabilities_of_a_sequence_do_not_depend_on_its_company() {
    for (name, model) in variants() {
        let sequences = family(&model, 40);
        let (backend, adapter) = (&mut model.cpu(), model.adapter(3));
        let packed = pack(&sequences);
        let together = backend.log_probabilities(&packed, Some(&adapter)).unwrap();
        for (index, sequence) in sequences.iter().enumerate() {
            let alone = PackedBatch::pack(&[sequence]);
            let alone = backend.log_probabilities(&alone, Some(&adapter)).unwrap();
            let labels = packed.labels.iter().zip(&together).filter(|(label, _)| label.sequence == index);
            for (label, together) in labels {
                let difference = (together - alone[label.label]).abs();
                assert!(difference < 1e-5, "{name}, sequence {index}, label {}", label.label);
            }
        }
    }
}
