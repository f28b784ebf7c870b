//! What a backend refuses, it refuses in words and without a panic.

use crate::sequences::{family, pack};
use crate::support::{TinyModel, read_in_pieces};
use gradus_engine::backend::generic::Precision;
use gradus_engine::backend::{Backend, BackendError};
use gradus_engine::reading::{Piece, Reader};

fn each_backend(model: &TinyModel, check: impl Fn(&mut dyn Backend)) {
    check(&mut model.cpu());
    check(&mut model.generic(Precision::Single));
}

fn read(reader: &mut Reader<'_>, tokens: &[u32]) -> Result<Vec<f32>, BackendError> {
    let sequence = reader.start(None);
    reader.read(&[Piece { sequence, tokens, logits: true }])
}

#[test]
fn a_token_that_the_model_does_not_have_is_refused() {
    let model = TinyModel::llama();
    let unknown = model.config.vocabulary_size as u32;
    each_backend(&model, |backend| {
        let mut batch = pack(&family(&model, 9));
        batch.labels[2].token = unknown;
        let refused = backend.log_probabilities(&batch, None);
        assert!(matches!(refused, Err(BackendError::TokenOutOfRange { token, .. }) if token == unknown));
        let refused = read(&mut Reader::new(backend, 9), &[1, unknown]);
        assert!(matches!(refused, Err(BackendError::TokenOutOfRange { token, .. }) if token == unknown));
    });
}

#[test]
fn a_sequence_beyond_the_context_is_refused_also_when_it_is_read_piece_by_piece() {
    let model = TinyModel::changed(|config| config.context_length = 16);
    each_backend(&model, |backend| {
        let refused = backend.log_probabilities(&pack(&family(&model, 12)), None);
        assert!(matches!(refused, Err(BackendError::TooLong { context: 16, .. })));
        let mut reader = Reader::new(backend, 99);
        let sequence = reader.start(None);
        let mut read = |tokens: &[u32]| reader.read(&[Piece { sequence, tokens, logits: false }]);
        read(&model.tokens(16, 1)).unwrap();
        assert!(matches!(read(&[1]), Err(BackendError::TooLong { length: 17, context: 16 })));
    });
}

#[test]
fn reading_nothing_is_refused() {
    let model = TinyModel::llama();
    each_backend(&model, |backend| {
        let mut reader = Reader::new(backend, 9);
        assert!(matches!(read(&mut reader, &[]), Err(BackendError::NothingToRead)));
        assert!(matches!(reader.read(&[]), Err(BackendError::NothingToRead)));
    });
}

#[test]
fn a_full_cache_is_refused_and_what_was_read_stays() {
    let model = TinyModel::llama();
    each_backend(&model, |backend| {
        let expected = read_in_pieces(backend, None, &[&[1, 2, 3], &[4]]).pop().unwrap();
        let mut reader = Reader::new(backend, 4);
        let sequence = reader.start(None);
        let mut read = |tokens: &[u32]| reader.read(&[Piece { sequence, tokens, logits: true }]);
        read(&[1, 2, 3]).unwrap();
        let refused = read(&[4, 5]);
        assert!(matches!(refused, Err(BackendError::CacheFull { needed: 2, free: 1, capacity: 4 })));
        assert_eq!(read(&[4]).unwrap(), expected);
        reader.forget(sequence);
        let other = reader.start(None);
        reader.read(&[Piece { sequence: other, tokens: &[7; 4], logits: false }]).unwrap();
    });
}
