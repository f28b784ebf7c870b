//! Trained models over one base model.

use gradus_app::serving::{Ask, FaultKind, HostLimits, ServedModel};
use tempfile::tempdir;

use crate::asking::{Asking, limits, question};
use crate::models;

fn of(model: &ServedModel) -> Ask {
    Ask { model: model.clone(), ..question("who are you?", 20, 1) }
}

#[test]
fn trained_models_and_their_base_answer_side_by_side_from_the_same_weights() {
    let place = tempdir().unwrap();
    models::trained(&place, "final");
    // With the digest of its base, which is asked for without one.
    let trained = ServedModel::trained(&models::base(), &place.path().join("final")).unwrap();
    let mut host = Asking::new(limits());
    let base = ServedModel::base(models::base());
    host.ask(1, of(&base));
    host.ask(2, of(&trained));
    host.ask(3, of(&base));
    let answers = [1, 2, 3].map(|id| host.finish(id));
    assert_eq!(answers[0].text(), answers[2].text());
    assert!(answers[0].text() != answers[1].text(), "training changed something");
    assert!(answers[0].fingerprint != answers[1].fingerprint);
    assert_eq!(answers[0].fingerprint, answers[2].fingerprint);
    assert_eq!(host.status_at_rest().models, 1, "the base is in memory once");
    assert_eq!(Asking::new(limits()).answer(1, of(&trained)).text(), answers[1].text());
}

#[test]
fn adapters_take_turns_where_there_is_room_for_one() {
    let place = tempdir().unwrap();
    let models = ["final", "rslora", "final"].map(|name| models::trained(&place, name));
    let mut roomy = Asking::new(limits());
    let expected: Vec<String> = (0..3).map(|id| roomy.answer(id, of(&models[id as usize])).text()).collect();
    assert!(expected[0] != expected[1]);
    let bytes = std::fs::metadata(place.path().join("final/adapter_model.safetensors")).unwrap().len();
    let mut host = Asking::new(HostLimits { adapter_bytes: 3 * bytes, ..limits() });
    for id in 0..9 {
        assert_eq!(host.answer(id, of(&models[id as usize % 3])).text(), expected[id as usize % 3], "{id}");
    }
    // All at once: those that do not fit wait for those that answer.
    for id in 10..16 {
        host.ask(id, of(&models[id as usize % 3]));
    }
    for id in 10..16 {
        assert_eq!(host.finish(id).text(), expected[id as usize % 3], "{id}");
    }
    let mut narrow = Asking::new(HostLimits { adapter_bytes: bytes, ..limits() });
    let fault = narrow.fault(1, of(&models[0]));
    assert_eq!(fault.kind, FaultKind::Memory);
    assert!(narrow.answer(2, of(&ServedModel::base(models::base()))).usage.is_some());
}

#[test]
fn an_adapter_that_is_not_the_one_asked_for_is_refused() {
    let place = tempdir().unwrap();
    let mut trained = models::trained(&place, "final");
    let mut host = Asking::new(limits());
    if let Some(files) = &mut trained.trained {
        files.digest = Some("00".repeat(32));
    }
    let fault = host.fault(1, of(&trained));
    assert_eq!(fault.kind, FaultKind::Model);
    assert!(fault.message.contains("other parameters"), "{fault}");
    if let Some(files) = &mut trained.trained {
        files.digest = None;
        std::fs::remove_file(files.directory.join("gradus.json")).unwrap();
    }
    assert_eq!(host.fault(2, of(&trained)).kind, FaultKind::Model);
}

#[test]
fn a_trained_model_is_found_by_its_manifest() {
    let place = tempdir().unwrap();
    let trained = models::trained(&place, "final");
    let directory = place.path().join("final");
    let found = ServedModel::trained(&models::base(), &directory).unwrap();
    assert_eq!(found.trained, trained.trained);
    let known = gradus_app::runtime::describe_file(&models::base()).unwrap().fingerprint;
    assert_eq!(found.base_digest, Some(known));
    assert!(Asking::new(limits()).answer(1, of(&found)).usage.is_some());
    assert!(ServedModel::trained(&models::base(), &models::base()).is_err());
}
