//! Reading with a cache gives what the whole sequence at once gives.

use crate::support::{TinyModel, read_in_pieces};
use crate::{largest, variants};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::generic::Precision;
use gradus_engine::batch::{Label, PackedBatch, Sequence};
use gradus_engine::reading::{Piece, Reader};

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
    let pieces: Vec<&[u32]> = tokens[..LENGTH].chunks(chunk).collect();
    let mut length = 0;
    let after = read_in_pieces(backend, adapter, &pieces).into_iter().zip(pieces).map(|(logits, piece)| {
        length += piece.len();
        (length - 1, log_probability(&logits, tokens[length]))
    });
    after.collect()
}

fn log_probability(logits: &[f32], token: u32) -> f32 {
    let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    logits[token as usize] - total.ln() as f32
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

/// Three sequences that share beginnings, of which one ends and one begins on the way, together with a
/// fourth; each has the logits that it has alone.
fn check_together(name: &str, model: &TinyModel, backend: &mut dyn Backend) {
    let adapter = model.adapter(3);
    let (a, b) = (model.tokens(40, 1), model.tokens(40, 2));
    let alone = |backend: &mut dyn Backend, adapter: Option<&Adapter>, parts: &[&[u32]]| {
        read_in_pieces(backend, adapter, &[&parts.concat()]).concat()
    };
    for adapter in [None, Some(&adapter)] {
        let expected = [
            alone(backend, adapter, &[&a[..20], &b[..3]]),
            alone(backend, adapter, &[&a[..12], &b[5..9]]),
            alone(backend, adapter, &[&b[..30]]),
            alone(backend, adapter, &[&a[..20], &b[..4]]),
            alone(backend, adapter, &[&a[..12], &b[5..10]]),
            alone(backend, adapter, &[&b[2..9]]),
        ];
        let mut reader = Reader::new(backend, 200);
        let adapter = adapter.map(|adapter| reader.adapt(adapter).unwrap());
        let first = reader.start(adapter);
        let piece = |sequence, tokens| Piece { sequence, tokens, logits: true };
        reader.read(&[Piece { logits: false, ..piece(first, &a[..20]) }]).unwrap();
        let (second, third) = (reader.fork(first, 12), reader.start(adapter));
        let pieces = [piece(first, &b[..3]), piece(second, &b[5..9]), piece(third, &b[..30])];
        let mut got = reader.read(&pieces).unwrap();
        reader.forget(third);
        let fourth = reader.start(adapter);
        let pieces = [piece(first, &b[3..4]), piece(second, &b[9..10]), piece(fourth, &b[2..9])];
        got.extend(reader.read(&pieces).unwrap());
        for (index, (got, expected)) in got.chunks(model.config.vocabulary_size).zip(expected).enumerate() {
            let error = largest(got.iter().zip(&expected).map(|(a, b)| f64::from(a - b)));
            assert!(error < 1e-4, "{name}, {index}: {error:e}");
        }
    }
}

#[test]
fn sequences_read_together_on_the_cpu_backend_have_the_logits_that_they_have_alone() {
    for (name, model) in variants() {
        check_together(name, &model, &mut model.cpu());
    }
}

#[test]
fn sequences_read_together_on_the_generic_backend_have_the_logits_that_they_have_alone() {
    for (name, model) in variants() {
        check_together(name, &model, &mut model.generic(Precision::Single));
    }
}

#[test]
fn sequences_with_different_adapters_are_kept_by_one_reader() {
    let model = TinyModel::llama();
    let (tokens, adapters) = (model.tokens(9, 1), [model.adapter(3), model.adapter(2)]);
    let mut backend = model.cpu();
    let expected: Vec<_> =
        adapters.iter().map(|adapter| read_in_pieces(&mut backend, Some(adapter), &[&tokens])).collect();
    assert_ne!(expected[0], expected[1]);
    let mut reader = Reader::new(&mut backend, 99);
    let sequences = adapters.each_ref().map(|adapter| {
        let adapter = reader.adapt(adapter).unwrap();
        reader.start(Some(adapter))
    });
    for (sequence, expected) in sequences.into_iter().zip(expected) {
        let logits = reader.read(&[Piece { sequence, tokens: &tokens, logits: true }]).unwrap();
        assert_eq!(logits, expected[0]);
    }
}
