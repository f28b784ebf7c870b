//! Base weights kept quantised: what is computed on them is what is computed on the numbers they stand for.

use crate::sequences::{family, pack};
use crate::support::{TinyModel, read_in_pieces};
use crate::{norm, relative_difference, variants};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::cpu::{BaseWeights, Precision};
use gradus_engine::backend::generic;
use gradus_engine::backend::{Backend, Noise};
use gradus_kernels::quantised::{Format, QuantisedMatrix};

/// Widths that are whole blocks, and those of the projections too.
fn widened(model: &TinyModel) -> TinyModel {
    let mut config = model.config.clone();
    (config.hidden_size, config.intermediate_size, config.head_dim) = (64, 96, 16);
    TinyModel::changed(|changed| *changed = config)
}

/// The same model with the numbers that its quantised weights stand for.
fn rounded(model: &TinyModel, base_weights: BaseWeights) -> TinyModel {
    let linear = if base_weights == BaseWeights::Q4 { Format::Q4_1 } else { Format::Q8_0 };
    model.with_matrices(|name, values, rows, cols| {
        let table = name.contains("embed_tokens") || name.contains("lm_head");
        let format = if table { Format::Q8_0 } else { linear };
        QuantisedMatrix::quantise(format, values, rows, cols).unwrap().dequantise()
    })
}

fn loss_and_gradients(backend: &mut dyn Backend, model: &TinyModel, adapter: &Adapter) -> (f64, Vec<f32>) {
    let batch = pack(&family(model, 60));
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let noise = Noise::default();
    let loss = backend.accumulate_gradients(&batch, adapter, noise, 0.5, &mut gradients).unwrap();
    (loss, gradients)
}

#[test]
fn losses_and_gradients_in_f32_are_those_of_the_generic_backend_on_the_dequantised_weights() {
    for (name, model) in variants() {
        let model = widened(&model);
        for base_weights in [BaseWeights::Q8, BaseWeights::Q4] {
            let reference = rounded(&model, base_weights);
            let mut generic = reference.generic(generic::Precision::Single);
            let mut backend = model.quantised(Precision::F32, base_weights);
            for (method, adapter) in reference.trained_by_each_method(4) {
                let (expected_loss, expected) = loss_and_gradients(&mut generic, &model, &adapter);
                let (loss, got) = loss_and_gradients(&mut backend, &model, &adapter);
                let case = format!("{name}, {base_weights:?}, {method}");
                assert!((loss / expected_loss - 1.0).abs() < 1e-5, "{case}: {loss} {expected_loss}");
                let error = relative_difference(&got, &expected);
                assert!(error < 2e-5, "{case}: {error:e}");
            }
            let adapter = model.adapter(4);
            let (loss, _) = loss_and_gradients(&mut backend, &model, &adapter);
            let (full, _) = loss_and_gradients(&mut model.cpu(), &model, &adapter);
            assert!((loss / full - 1.0).abs() > 1e-5, "{name}, {base_weights:?}: nothing was quantised");
        }
    }
}

#[test]
fn losses_and_gradients_in_bf16_are_those_of_f32_up_to_rounding() {
    for (name, model) in variants() {
        let model = widened(&model);
        for base_weights in [BaseWeights::Q8, BaseWeights::Q4] {
            let adapter = model.adapter(4);
            let computed = |precision| {
                loss_and_gradients(&mut model.quantised(precision, base_weights), &model, &adapter)
            };
            let ((expected_loss, expected), (loss, got)) =
                (computed(Precision::F32), computed(Precision::Bf16));
            assert!((loss / expected_loss - 1.0).abs() < 0.01, "{name}: {loss} {expected_loss}");
            let product: f64 = got.iter().zip(&expected).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let cosine = product / (norm(&got) * norm(&expected));
            assert!(cosine > 0.998, "{name}, {base_weights:?}: cosine {cosine}");
        }
    }
}

#[test]
fn reading_token_by_token_gives_what_reading_at_once_gives() {
    let model = widened(&TinyModel::llama());
    let adapter = model.adapter(4);
    let tokens = model.tokens(40, 3);
    for (precision, allowed) in [(Precision::F32, 1e-4), (Precision::Bf16, 0.05)] {
        for base_weights in [BaseWeights::Q8, BaseWeights::Q4] {
            let mut backend = model.quantised(precision, base_weights);
            let at_once = read_in_pieces(&mut backend, Some(&adapter), &[&tokens]).pop().unwrap();
            let one_by_one: Vec<&[u32]> = tokens.chunks(1).collect();
            let last = read_in_pieces(&mut backend, Some(&adapter), &one_by_one).pop().unwrap();
            let difference = last.iter().zip(&at_once).map(|(a, b)| f64::from(a - b).abs());
            let largest = difference.fold(0.0, f64::max);
            assert!(largest < allowed, "{precision:?}, {base_weights:?}: {largest}");
        }
    }
}
