//! Gradients against finite differences of the loss.

use std::ops::Range;

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use crate::{largest, norm, variants};
use gradus_engine::adapter::{Adapter, LoraConfig, LoraPair, Method};
use gradus_engine::backend::generic::{GenericBackend, Precision};
use gradus_engine::backend::{Backend, Dropout, EmbeddingNoise, Noise};
use gradus_engine::batch::PackedBatch;
use gradus_engine::config::Family;
use gradus_engine::random::Random;

/// Dropout and noise on the embeddings.
fn noise() -> Noise {
    let embedding = EmbeddingNoise { key: 8, amplitude: 0.1 };
    Noise { embedding: Some(embedding), dropout: Some(Dropout { key: 3, probability: 0.2 }) }
}

const CPU: Noise = Noise { dropout: Some(Dropout { key: 3, probability: 0.2 }), embedding: None };
const SCALE: f32 = 0.25;

/// The slope of `loss` at zero by a central difference. `loss` returns its value at about the step asked
/// for, and the step that was really taken: parameters are f32.
fn central_difference(step: f64, loss: &mut impl FnMut(f64) -> (f64, f64)) -> f64 {
    let ((above, high), (below, low)) = (loss(step), loss(-step));
    (above - below) / (high - low)
}

/// As [`central_difference`], for steps so long that curvature shows: Richardson's extrapolation removes its
/// first term.
fn extrapolated_difference(step: f64, loss: &mut impl FnMut(f64) -> (f64, f64)) -> f64 {
    let (near, far) = (central_difference(step, loss), central_difference(2.0 * step, loss));
    (4.0 * near - far) / 3.0
}

fn check_every_parameter(name: &str, model: &TinyModel, batch: &PackedBatch, adapter: &Adapter) {
    let mut backend = model.generic(Precision::Double);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let loss = backend.accumulate_gradients(batch, adapter, noise(), SCALE, &mut gradients).unwrap();
    assert!((loss - backend.loss(batch, adapter, noise()).unwrap()).abs() < 1e-9);

    let mut loss_at = |index: usize, step: f64| {
        let mut moved = adapter.clone();
        moved.parameters[index] += step as f32;
        let taken = f64::from(moved.parameters[index]) - f64::from(adapter.parameters[index]);
        (f64::from(SCALE) * backend.loss(batch, &moved, noise()).unwrap(), taken)
    };
    let size = largest(gradients.iter().map(|g| f64::from(*g)));
    for (tensor, range) in tensors(adapter) {
        let part = &gradients[range.clone()];
        assert!(norm(part) > 1e-3 * size, "{name}: {tensor} is flat");
        for index in range {
            let expected = central_difference(3e-5, &mut |step| loss_at(index, step));
            let error = (f64::from(gradients[index]) - expected).abs();
            let got = gradients[index];
            assert!(error < 1e-6 * size, "{name}: {tensor}, parameter {index}: {got} is not {expected}");
        }
    }
}

/// The trained tensors by name, each with its place.
fn tensors(adapter: &Adapter) -> Vec<(String, Range<usize>)> {
    let of_pairs = adapter.pairs().iter().flat_map(|pair| {
        let parts = [("A", Some(&pair.a)), ("B", Some(&pair.b)), ("magnitude", pair.magnitude.as_ref())];
        parts.map(|(part, range)| range.map(|range| (format!("{part} of {}", pair.path()), range.clone())))
    });
    let weights = adapter.weights().iter().map(|weight| (weight.name.clone(), weight.range.clone()));
    of_pairs.flatten().chain(weights).collect()
}

#[test]
fn every_gradient_of_the_generic_backend_is_the_slope_of_its_loss() {
    for (name, model) in variants() {
        check_every_parameter(name, &model, &pack(&family(&model, 9)), &model.adapter(1));
    }
}

#[test]
fn every_gradient_of_full_fine_tuning_is_the_slope_of_the_loss() {
    for (name, model) in variants() {
        check_every_parameter(name, &model, &pack(&family(&model, 9)), &model.trained(&Method::Full));
    }
}

/// The magnitudes' gradients are slopes of the loss. Those of the matrices are not, as the lengths of the
/// adapted weight's rows count as constants: they are the slopes of the loss of an adapter whose magnitudes
/// follow those lengths.
#[test]
fn every_gradient_of_a_decomposed_adapter_is_the_slope_of_the_loss_with_lengths_held() {
    let model = TinyModel::changed(|config| (config.family, config.attention_bias) = (Family::Qwen2, true));
    let lora = LoraConfig { weight_decomposed: true, rank_stabilised: true, ..model.lora(2) };
    let (batch, adapter) = (pack(&family(&model, 9)), model.trained(&lora.into()));
    let mut backend = model.generic(Precision::Double);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    backend.accumulate_gradients(&batch, &adapter, noise(), SCALE, &mut gradients).unwrap();
    let size = largest(gradients.iter().map(|g| f64::from(*g)));
    let lengths = lengths(&backend, &adapter);
    for (tensor, range) in tensors(&adapter) {
        assert!(norm(&gradients[range.clone()]) > 1e-3 * size, "{tensor} is flat");
        for index in range.step_by(3) {
            let mut loss_at = |step: f64| {
                let mut moved = adapter.clone();
                moved.parameters[index] += step as f32;
                let taken = f64::from(moved.parameters[index]) - f64::from(adapter.parameters[index]);
                let moved = with_factors_of(&backend, moved, &adapter, &lengths);
                (f64::from(SCALE) * backend.loss(&batch, &moved, noise()).unwrap(), taken)
            };
            let expected = extrapolated_difference(4e-3, &mut loss_at);
            let error = (f64::from(gradients[index]) - expected).abs();
            assert!(error < 1e-4 * size, "{tensor}, {index}: {} is not {expected}", gradients[index]);
        }
    }
}

/// The lengths of the rows of every adapted weight, pair by pair.
fn lengths(backend: &GenericBackend, adapter: &Adapter) -> Vec<Vec<f64>> {
    let of_pair = |pair: &LoraPair| {
        let weight = backend.base_tensor(&format!("{}.weight", pair.path())).unwrap();
        let (a, b) = (&adapter.parameters[pair.a.clone()], &adapter.parameters[pair.b.clone()]);
        let element = |row: usize, column: usize| {
            let update = (0..pair.rank)
                .map(|k| f64::from(b[row * pair.rank + k]) * f64::from(a[k * pair.input + column]))
                .sum::<f64>();
            f64::from(weight[row * pair.input + column]) + f64::from(pair.scale) * update
        };
        let length = |row| (0..pair.input).map(|column| element(row, column).powi(2)).sum::<f64>().sqrt();
        (0..pair.output).map(length).collect()
    };
    adapter.pairs().iter().map(of_pair).collect()
}

/// `moved` with magnitudes that make its rows as long, in proportion, as if its lengths were `lengths`.
fn with_factors_of(
    backend: &GenericBackend,
    mut moved: Adapter,
    adapter: &Adapter,
    held: &[Vec<f64>],
) -> Adapter {
    let own = lengths(backend, &moved);
    for ((pair, own), held) in adapter.pairs().iter().zip(own).zip(held) {
        let magnitudes = &mut moved.parameters[pair.magnitude.clone().unwrap()];
        for ((magnitude, own), held) in magnitudes.iter_mut().zip(own).zip(held) {
            *magnitude = (f64::from(*magnitude) * own / held) as f32;
        }
    }
    moved
}

#[test]
fn a_batch_with_more_labels_than_one_chunk_of_logits_has_the_right_gradients() {
    let model = TinyModel::changed(|config| config.layers = 1);
    let batch = pack(&family(&model, 100));
    let rows: std::collections::BTreeSet<usize> = batch.labels.iter().map(|label| label.row).collect();
    assert!(rows.len() > 64);
    check_every_parameter("many labels", &model, &batch, &model.adapter(1));
    check_every_parameter("many labels", &model, &batch, &model.trained(&Method::Full));
}

/// Along random directions, and along the gradient itself, where the loss changes most.
#[test]
fn the_cpu_backends_gradient_is_the_slope_of_its_loss_along_any_direction() {
    for (name, model) in variants() {
        let (batch, adapter) = (pack(&family(&model, 9)), model.adapter(2));
        let mut backend = model.cpu();
        let mut gradients = vec![0.0; adapter.parameters.len()];
        backend.accumulate_gradients(&batch, &adapter, CPU, 1.0, &mut gradients).unwrap();
        let size = norm(&gradients);

        let mut random = Random::new(&[5]);
        let mut directions = vec![gradients.clone()];
        directions.extend(
            (0..4).map(|_| gradients.iter().map(|_| (random.uniform() - 0.5) as f32).collect::<Vec<f32>>()),
        );
        for (number, direction) in directions.iter().enumerate() {
            let length = norm(direction);
            let mut loss_at = |step: f64| {
                let mut moved = adapter.clone();
                for (parameter, d) in moved.parameters.iter_mut().zip(direction) {
                    *parameter += (f64::from(*d) / length * step) as f32;
                }
                let mut ignored = vec![0.0; gradients.len()];
                let loss = backend.accumulate_gradients(&batch, &moved, CPU, 1.0, &mut ignored);
                (loss.unwrap(), step)
            };
            let slope = extrapolated_difference(1e-3, &mut loss_at);
            let expected: f64 =
                direction.iter().zip(&gradients).map(|(d, g)| f64::from(d * g)).sum::<f64>() / length;
            let error = (slope - expected).abs() / size;
            assert!(error < 5e-4, "{name}, direction {number}: slope {slope}, gradient {expected}");
        }
    }
}
