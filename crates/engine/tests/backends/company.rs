//! What a sequence's logits owe to the sequences read in the same pass: nothing, as long as the pass stays
//! on one side of the number of rows beyond which other kernels are faster, which round differently.

use crate::largest;
use crate::support::TinyModel;
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{BaseWeights, Precision};
use gradus_engine::reading::{Piece, Reader, SequenceId};
use gradus_kernels::cpu::{Level, level};

/// How many others are read beside the one that is looked at.
const OTHERS: [usize; 7] = [0, 1, 7, 15, 16, 17, 40];

/// Rows that are summed as one row alone is: of a pass for its layers, of the wanted logits for those.
fn few_rows(precision: Precision, quantised: bool) -> usize {
    match (precision == Precision::Bf16 && level() >= Level::Avx512Bf16, quantised) {
        (false, _) => 4,
        (true, false) => 8,
        (true, true) => 16,
    }
}

/// The logits after a prompt and after one more token, the pieces of `others` read in the same passes.
fn logits(
    model: &TinyModel,
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    (prompt, others): (usize, usize),
) -> [Vec<f32>; 2] {
    let mut reader = Reader::new(backend, 4000);
    let adapter = adapter.map(|adapter| reader.adapt(adapter).unwrap());
    let sequences: Vec<SequenceId> = (0..=others).map(|_| reader.start(adapter)).collect();
    let mut read = |count: usize, seed: u64| {
        let tokens: Vec<Vec<u32>> =
            (0..=others as u64).map(|index| model.tokens(count, 1000 * seed + index)).collect();
        let pieces: Vec<Piece<'_>> = sequences
            .iter()
            .zip(&tokens)
            .map(|(sequence, tokens)| Piece { sequence: *sequence, tokens, logits: true })
            .collect();
        let mut logits = reader.read(&pieces).unwrap();
        logits.truncate(model.config.vocabulary_size);
        logits
    };
    [read(prompt, 1), read(1, 2)]
}

#[test]
fn a_sequence_has_the_same_bits_beside_others_on_either_side_of_where_kernels_change() {
    let model = TinyModel::changed(|config| {
        (config.hidden_size, config.intermediate_size, config.head_dim) = (64, 96, 16);
    });
    let adapter = model.adapter(4);
    for precision in [Precision::F32, Precision::Bf16] {
        for base_weights in [BaseWeights::Full, BaseWeights::Q8, BaseWeights::Q4] {
            for adapter in [None, Some(&adapter)] {
                let case = format!("{precision:?}, {base_weights:?}, adapter {}", adapter.is_some());
                let mut backend = model.quantised(precision, base_weights);
                let quantised = base_weights != BaseWeights::Full;
                // What is added to a product is summed with it, and factors are dense.
                let most_in_layers = few_rows(precision, quantised && adapter.is_none());
                let most_logits = few_rows(precision, quantised);
                for prompt in [2, 20] {
                    let kernels = |rows: usize, count: usize| (rows <= most_in_layers, count <= most_logits);
                    let found = OTHERS.map(|others| {
                        let count = others + 1;
                        let [first, next] = logits(&model, &mut backend, adapter, (prompt, others));
                        let of_prompt = kernels(prompt * count, count);
                        [(vec![of_prompt], first), (vec![of_prompt, kernels(count, count)], next)]
                    });
                    (0..2).for_each(|at| compare(&format!("{case}, {prompt}, {at}"), &found, at, precision));
                }
            }
        }
    }
}

/// What was summed by the same kernels all the way has the same bits, and the rest differs by rounding.
fn compare<K: PartialEq + std::fmt::Debug>(
    case: &str,
    found: &[[(K, Vec<f32>); 2]],
    at: usize,
    precision: Precision,
) {
    let allowed = if precision == Precision::F32 { 1e-4 } else { 0.1 };
    let bits = |logits: &[f32]| logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>();
    for (index, with) in found.iter().enumerate() {
        for (other, beside) in found[..index].iter().enumerate() {
            let ((kernels, logits), (same, expected)) = (&with[at], &beside[at]);
            let which = format!("{case}: {} and {} others, {kernels:?}", OTHERS[index], OTHERS[other]);
            if kernels == same {
                assert!(bits(logits) == bits(expected), "{which}");
            }
            let apart = largest(logits.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
            assert!(apart < allowed, "{which}: {apart:e}");
        }
    }
}
