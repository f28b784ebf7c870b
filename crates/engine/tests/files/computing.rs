//! A model is computed with as its file stores it.

use crate::tiny_model::Gguf;
use candle_core::quantized::GgmlDType;
use gradus_engine::adapter::{Adapter, LoraConfig};
use gradus_engine::backend::cpu::{BaseWeights, CpuBackend, Precision};
use gradus_engine::backend::{Backend, Dropout};
use gradus_engine::batch::{PackedBatch, Sequence};
use gradus_engine::files;
use gradus_engine::random::Random;

/// The tiny model with weights of either sign and no pattern.
fn gguf(format: GgmlDType) -> Gguf {
    let (mut gguf, mut random) = (Gguf::tiny("llama", format), Random::new(&[5]));
    for (shape, data, _) in gguf.tensors.values_mut() {
        let (centre, width) = if shape.len() == 1 { (1.0, 0.5) } else { (0.0, 0.3) };
        data.iter_mut().for_each(|value| *value = (centre + (random.uniform() * 2.0 - 1.0) * width) as f32);
    }
    gguf
}

fn backend(gguf: &Gguf, precision: Precision, base_weights: BaseWeights) -> CpuBackend {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.gguf");
    gguf.write(&path);
    let model = files::load(&path).unwrap();
    CpuBackend::with_base_weights(model.config, model.weights, precision, base_weights).unwrap()
}

fn batch() -> PackedBatch {
    let sequence = |seed: u32| {
        let tokens: Vec<u32> = (0..60).map(|index| 3 + (index * seed) % 200).collect();
        Sequence::completion(&tokens, &[(7, 1.0), (9, 0.5)])
    };
    let sequences = [sequence(7), sequence(11), sequence(13)];
    PackedBatch::pack(&sequences.iter().collect::<Vec<_>>())
}

fn loss_and_gradients(backend: &mut CpuBackend) -> (f64, Vec<f32>) {
    let config = LoraConfig { rank: 4, alpha: 6.0, weight_decomposed: true, ..LoraConfig::default() };
    let base = |name: &str| backend.base_tensor(name);
    let mut adapter = Adapter::initial(&config.into(), backend.config(), 1, base).unwrap();
    let mut random = Random::new(&[6]);
    adapter.parameters.iter_mut().for_each(|value| *value += (random.uniform() / 4.0 - 0.125) as f32);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let noise = Dropout { key: 1, probability: 0.1 }.into();
    let loss = backend.accumulate_gradients(&batch(), &adapter, noise, 0.5, &mut gradients).unwrap();
    (loss, gradients)
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn losses_and_gradients_on_blocks_are_those_on_the_numbers_they_stand_for() {
    for format in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0] {
        let gguf = gguf(format);
        for (precision, allowed) in [(Precision::F32, 5e-5), (Precision::Bf16, 0.1)] {
            let of = |base_weights| loss_and_gradients(&mut backend(&gguf, precision, base_weights));
            let (expected_loss, expected) = of(BaseWeights::Full);
            let (loss, got) = of(BaseWeights::AsStored);
            let of_loss = (loss / expected_loss - 1.0).abs();
            assert!(of_loss < allowed / 2.0, "{format:?}, {precision:?}: {loss} {expected_loss}");
            let difference = norm(got.iter().zip(&expected).map(|(a, b)| a - b)) / norm(expected.into_iter());
            assert!(difference < allowed, "{format:?}, {precision:?}: {difference}");
        }
    }
}

#[test]
fn one_thread_and_several_give_the_same_bits_on_the_blocks_of_a_file() {
    for format in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0] {
        let gguf = gguf(format);
        for precision in [Precision::F32, Precision::Bf16] {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| loss_and_gradients(&mut backend(&gguf, precision, BaseWeights::AsStored)))
            };
            let one = run(1);
            assert!(one.1.iter().any(|gradient| *gradient != 0.0));
            for threads in [2, 3] {
                assert!(run(threads) == one, "{format:?}, {precision:?}, {threads} threads");
            }
        }
    }
}
