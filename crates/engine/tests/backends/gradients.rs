//! Gradients against finite differences of the loss.

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use crate::{largest, norm, variants};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::generic::Precision;
use gradus_engine::backend::{Backend, Dropout};
use gradus_engine::batch::PackedBatch;
use gradus_engine::random::Random;

const DROPOUT: Option<Dropout> = Some(Dropout { key: 3, probability: 0.2 });
const SCALE: f32 = 0.25;

/// The slope of `loss` at zero by a central difference. `loss` returns its value at about the step asked
/// for, and the step that was really taken: parameters are f32.
fn central_difference(step: f64, loss: &mut impl FnMut(f64) -> (f64, f64)) -> f64 {
    let ((above, high), (below, low)) = (loss(step), loss(-step));
    (above - below) / (high - low)
}

fn check_every_parameter(name: &str, model: &TinyModel, batch: &PackedBatch, adapter: &Adapter) {
    let mut backend = model.generic(Precision::Double);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let loss = backend.accumulate_gradients(batch, adapter, DROPOUT, SCALE, &mut gradients).unwrap();
    assert!((loss - backend.loss(batch, adapter, DROPOUT).unwrap()).abs() < 1e-9);

    let loss_at = |index: usize, step: f64| {
        let mut moved = adapter.clone();
        moved.parameters[index] += step as f32;
        let taken = f64::from(moved.parameters[index]) - f64::from(adapter.parameters[index]);
        (f64::from(SCALE) * backend.loss(batch, &moved, DROPOUT).unwrap(), taken)
    };
    let size = largest(gradients.iter().map(|g| f64::from(*g)));
    for pair in adapter.pairs() {
        for (matrix, range) in [("A", &pair.a), ("B", &pair.b)] {
            let part = &gradients[range.clone()];
            assert!(norm(part) > 1e-3 * size, "{name}: {matrix} of {} is flat", pair.path());
            for index in range.clone() {
                let expected = central_difference(3e-5, &mut |step| loss_at(index, step));
                let error = (f64::from(gradients[index]) - expected).abs();
                assert!(
                    error < 1e-6 * size,
                    "{name}: {matrix} of {}, parameter {index}: {} is not {expected}",
                    pair.path(),
                    gradients[index],
                );
            }
        }
    }
}

#[test]
fn every_gradient_of_the_generic_backend_is_the_slope_of_its_loss() {
    for (name, model) in variants() {
        check_every_parameter(name, &model, &pack(&family(&model, 9)), &model.adapter(1));
    }
}

#[test]
fn a_batch_with_more_labels_than_one_chunk_of_logits_has_the_right_gradients() {
    let model = TinyModel::changed(|config| config.layers = 1);
    let batch = pack(&family(&model, 100));
    let rows: std::collections::BTreeSet<usize> = batch.labels.iter().map(|label| label.row).collect();
    assert!(rows.len() > 64);
    check_every_parameter("many labels", &model, &batch, &model.adapter(1));
}

/// Along random directions, and along the gradient itself, where the loss changes most.
#[test]
fn the_cpu_backends_gradient_is_the_slope_of_its_loss_along_any_direction() {
    for (name, model) in variants() {
        let (batch, adapter) = (pack(&family(&model, 9)), model.adapter(2));
        let mut backend = model.cpu();
        let mut gradients = vec![0.0; adapter.parameters.len()];
        backend.accumulate_gradients(&batch, &adapter, DROPOUT, 1.0, &mut gradients).unwrap();
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
                let loss = backend.accumulate_gradients(&batch, &moved, DROPOUT, 1.0, &mut ignored);
                (loss.unwrap(), step)
            };
            // Steps that f32 can resolve are long enough for curvature to show: Richardson's
            // extrapolation removes its first term.
            let (near, far) =
                (central_difference(1e-3, &mut loss_at), central_difference(2e-3, &mut loss_at));
            let slope = (4.0 * near - far) / 3.0;
            let expected: f64 =
                direction.iter().zip(&gradients).map(|(d, g)| f64::from(d * g)).sum::<f64>() / length;
            let error = (slope - expected).abs() / size;
            assert!(error < 5e-4, "{name}, direction {number}: slope {slope}, gradient {expected}");
        }
    }
}
