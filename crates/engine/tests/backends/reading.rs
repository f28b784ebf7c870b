//! Reading with a cache gives what the whole sequence at once gives.

use crate::support::TinyModel;
use crate::{largest, variants};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::generic::Precision;
use gradus_engine::batch::{Label, PackedBatch, Sequence};

const LENGTH: usize = 30;

/// ln p of every next token, by one pass over the whole sequence.
fn at_once(backend: &mut dyn Backend, tokens: &[u32], adapter: Option<&Adapter>) -> Vec<f32> {
    let labels = (0..LENGTH).map(|position| Label { position, token: tokens[position + 1], weight: 1.0 });
    let sequence = Sequence { tokens: tokens[..LENGTH].to_vec(), labels: labels.collect() };
    backend.log_probabilities(&PackedBatch::pack(&[&sequence]), adapter).unwrap()
}

/// ln p of the token after each chunk.
fn by_chunks(
    backend: &mut dyn Backend,
    tokens: &[u32],
    adapter: Option<&Adapter>,
    chunk: usize,
) -> Vec<(usize, f32)> {
    let mut reader = backend.reader(adapter);
    let mut all = Vec::new();
    for part in tokens[..LENGTH].chunks(chunk) {
        let logits = reader.read(part).unwrap();
        let length = reader.length();
        let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        all.push((length - 1, logits[tokens[length] as usize] - total.ln() as f32));
    }
    assert_eq!(reader.length(), LENGTH);
    all
}

fn check(name: &str, model: &TinyModel, backend: &mut dyn Backend) {
    let (tokens, adapter) = (model.tokens(LENGTH + 1, 8), model.adapter(3));
    for adapter in [None, Some(&adapter)] {
        let expected = at_once(backend, &tokens, adapter);
        for chunk in [1, 4, 7, LENGTH] {
            let got = by_chunks(backend, &tokens, adapter, chunk);
            let error = largest(got.iter().map(|(at, p)| f64::from(p - expected[*at])));
            assert!(error < 1e-4, "{name}, chunks of {chunk}: {error:e}");
        }
    }
}

#[test]
fn a_sequence_read_in_chunks_of_any_size_on_the_cpu_backend_gives_the_probabilities_of_the_whole() {
    for (name, model) in variants() {
        check(name, &model, &mut model.cpu());
    }
}

#[test]
fn a_sequence_read_in_chunks_of_any_size_on_the_generic_backend_gives_the_probabilities_of_the_whole() {
    for (name, model) in variants() {
        check(name, &model, &mut model.generic(Precision::Single));
    }
}
