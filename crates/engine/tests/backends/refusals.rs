//! What a backend refuses, it refuses in words and without a panic.

use crate::sequences::{family, pack};
use crate::support::TinyModel;
use gradus_engine::backend::generic::Precision;
use gradus_engine::backend::{Backend, BackendError};

fn each_backend(model: &TinyModel, check: impl Fn(&mut dyn Backend)) {
    check(&mut model.cpu());
    check(&mut model.generic(Precision::Single));
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
        let refused = backend.reader(None).read(&[1, unknown]);
        assert!(matches!(refused, Err(BackendError::TokenOutOfRange { token, .. }) if token == unknown));
    });
}

#[test]
fn a_sequence_beyond_the_context_is_refused_also_when_it_is_read_piece_by_piece() {
    let model = TinyModel::changed(|config| config.context_length = 16);
    each_backend(&model, |backend| {
        let refused = backend.log_probabilities(&pack(&family(&model, 12)), None);
        assert!(matches!(refused, Err(BackendError::TooLong { context: 16, .. })));
        let mut reader = backend.reader(None);
        reader.read(&model.tokens(16, 1)).unwrap();
        assert!(matches!(reader.read(&[1]), Err(BackendError::TooLong { length: 17, context: 16 })));
    });
}

#[test]
fn reading_nothing_is_refused() {
    let model = TinyModel::llama();
    each_backend(&model, |backend| {
        assert!(matches!(backend.reader(None).read(&[]), Err(BackendError::NothingToRead)));
    });
}
