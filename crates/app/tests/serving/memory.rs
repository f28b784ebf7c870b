//! Models come and go within the memory that they are allowed.

use gradus_app::serving::{Ask, FaultKind, HostLimits, ServedModel};
use tempfile::tempdir;

use crate::asking::{Asking, limits, question};
use crate::models;

fn of(model: &std::path::Path, seed: u64) -> Ask {
    Ask { model: ServedModel::base(model), ..question("who are you?", 10, seed) }
}

/// Room for one model with what it may keep, and not for two.
fn room_for_one() -> HostLimits {
    HostLimits { memory_bytes: 5 << 20, cache_bytes: 2 << 20, adapter_bytes: 1 << 20, ..limits() }
}

#[test]
fn models_take_turns_where_there_is_room_for_one() {
    let place = tempdir().unwrap();
    let (first, second) = (models::copy(&place, "first"), models::copy(&place, "second"));
    let mut host = Asking::new(room_for_one());
    let expected = host.answer(0, of(&first, 1)).text();
    for id in 1..5 {
        let model = if id % 2 == 0 { &first } else { &second };
        let answer = host.answer(id, of(model, 1));
        assert_eq!((answer.text(), answer.fault), (expected.clone(), None), "{id}");
        assert_eq!(host.status_at_rest().models, 1);
    }
    let mut roomy = Asking::new(limits());
    roomy.answer(0, of(&first, 1));
    roomy.answer(1, of(&second, 1));
    assert_eq!(roomy.status_at_rest().models, 2, "with more room both stay");
}

#[test]
fn a_model_waits_for_room_until_the_other_has_answered() {
    let place = tempdir().unwrap();
    let (first, second) = (models::copy(&place, "first"), models::copy(&place, "second"));
    let mut host = Asking::new(room_for_one());
    for id in 0..6 {
        host.ask(id, of(if id % 2 == 0 { &first } else { &second }, id));
    }
    for id in 0..6 {
        let expected = Asking::new(limits()).answer(0, of(&first, id)).text();
        assert_eq!(host.finish(id).text(), expected, "{id}");
    }
}

#[test]
fn a_model_that_can_never_fit_is_refused_with_the_figures() {
    let mut host = Asking::new(HostLimits { memory_bytes: 2 << 20, ..room_for_one() });
    let fault = host.fault(1, of(&models::base(), 1));
    assert_eq!(fault.kind, FaultKind::Memory);
    assert!(fault.message.contains("needs 4 MiB, and 2 MiB are allowed"), "{fault}");
}

#[test]
fn a_model_that_cannot_be_loaded_takes_nothing_from_others_and_is_tried_anew() {
    let place = tempdir().unwrap();
    let damaged = models::copy(&place, "damaged");
    let weights = damaged.join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..1000]).unwrap();
    let mut host = Asking::new(limits());
    host.ask(1, of(&models::base(), 1));
    host.ask(2, of(&damaged, 1));
    host.ask(3, of(&damaged, 1));
    host.ask(4, of(&place.path().join("nowhere"), 1));
    for id in 2..5 {
        let fault = host.finish(id).fault.unwrap();
        assert_eq!(fault.kind, FaultKind::Model, "{fault}");
        assert!(!fault.is_transient());
    }
    let expected = host.finish(1).text();
    std::fs::write(&weights, &whole).unwrap();
    assert_eq!(host.answer(5, of(&damaged, 1)).text(), expected);
}

#[test]
fn other_weights_than_were_asked_for_are_refused() {
    let mut host = Asking::new(limits());
    let mut ask = of(&models::base(), 1);
    ask.model.base_digest = Some("00".repeat(32));
    let fault = host.fault(1, ask.clone());
    assert_eq!(fault.kind, FaultKind::Model);
    assert!(fault.message.contains("other weights"), "{fault}");
    let known = gradus_app::runtime::describe_file(&models::base()).unwrap().fingerprint;
    ask.model.base_digest = Some(known);
    assert!(host.answer(2, ask).usage.is_some());
}

#[test]
fn a_model_that_was_replaced_on_disk_is_read_anew() {
    let place = tempdir().unwrap();
    let model = models::copy(&place, "replaced");
    let mut host = Asking::new(limits());
    let former = host.answer(1, of(&model, 1)).text();
    let weights = model.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let length = bytes.len();
    // The numbers are in the second half, four bytes each: their order changes.
    bytes[length / 2 / 4 * 4..].rotate_left(4 * 64);
    std::fs::write(&weights, bytes).unwrap();
    let mut ask = of(&model, 1);
    ask.model.base_digest = Some(gradus_app::runtime::describe_file(&model).unwrap().fingerprint);
    assert_eq!(host.fault(2, ask.clone()).kind, FaultKind::Model);
    assert!(host.answer(3, ask).text() != former);
}
