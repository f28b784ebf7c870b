//! Requests that are sent twice and done once.

use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::people::Person;
use crate::server::Server;
use crate::things::id;

each_database!(
    a_repeated_request_is_done_once_and_answered_alike,
    another_request_under_the_same_key_is_refused,
    keys_are_each_users_own,
    what_failed_may_be_tried_again,
    many_at_once_make_one_thing,
    an_upload_is_kept_once,
    a_secret_is_stored_nowhere_and_its_request_done_once,
    a_key_that_cannot_be_read_is_refused,
    every_creating_route_takes_a_key,
);

fn create(person: &Person, key: &str, name: &str) -> Ask {
    let body = json!({ "name": name });
    person.post("/api/v1/datasets").header("idempotency-key", key).json(&body)
}

async fn a_repeated_request_is_done_once_and_answered_alike(server: &Server) {
    let alice = server.people.alice();
    let first = server.ask(create(alice, "k-1", "Biology")).await;
    let again = server.ask(create(alice, "k-1", "Biology")).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    for name in ["location", "etag"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    let marks = [&first, &again].map(|answer| answer.header("idempotency-replayed"));
    assert_eq!(marks, [None, Some("true".to_owned())]);
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 1);
    server.ok(create(alice, "k-2", "Biology")).await;
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 2);
}

async fn another_request_under_the_same_key_is_refused(server: &Server) {
    let alice = server.people.alice();
    server.ok(create(alice, "k-1", "Biology")).await;
    let other = server.refusal(create(alice, "k-1", "Botany")).await;
    assert_eq!(other, (422, "idempotency_key_reused".to_owned()));
    let elsewhere = alice.in_session(Ask::post("/api/v1/tokens")).header("idempotency-key", "k-1");
    let elsewhere = elsewhere.json(&json!({ "name": "Biology", "scope": "read" }));
    assert_eq!(server.refusal(elsewhere).await.0, 422);
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 1);
}

async fn keys_are_each_users_own(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let of_alice = server.ok(create(alice, "k-1", "Biology")).await;
    let of_bob = server.ok(create(bob, "k-1", "Biology")).await;
    assert_ne!(of_alice["dataset"]["id"], of_bob["dataset"]["id"]);
}

async fn what_failed_may_be_tried_again(server: &Server) {
    let alice = server.people.alice();
    let (guide, answers) = (server.document(alice, "guide").await, server.document(alice, "answers").await);
    let ask = |answers: serde_json::Value| {
        let body = json!({ "name": "x", "version": { "guide": guide, "answers": answers } });
        alice.post("/api/v1/datasets").header("idempotency-key", "k-1").json(&body)
    };
    assert_eq!(server.refusal(ask(json!([]))).await.0, 422);
    // Nothing was done, so that the key is free, even for the request as it should have been.
    let made = server.ok(ask(json!([answers]))).await;
    assert_eq!(server.ok(ask(json!([answers]))).await, made);
}

async fn many_at_once_make_one_thing(server: &Server) {
    let alice = server.people.alice();
    let answers =
        futures_util::future::join_all((0..8).map(|_| server.ask(create(alice, "k-1", "Biology")))).await;
    let made: Vec<_> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()).collect();
    assert!(!made.is_empty() && made.iter().all(|one| *one == made[0]));
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 1);
}

async fn an_upload_is_kept_once(server: &Server) {
    let alice = server.people.alice();
    let upload = |file: &[u8]| {
        server.upload(alice, file, "a.csv", &[("purpose", "answers")]).header("idempotency-key", "k-1")
    };
    let first = server.ok(upload(b"x")).await;
    assert_eq!(server.ok(upload(b"x")).await, first);
    assert_eq!(server.refusal(upload(b"y")).await, (422, "idempotency_key_reused".to_owned()));
    let kept = server.upload(alice, b"x", "a.csv", &[("purpose", "answers"), ("hours", "24")]);
    let kept = server.refusal(kept.header("idempotency-key", "k-1")).await;
    assert_eq!(kept, (422, "idempotency_key_reused".to_owned()));
    assert_eq!(server.count(alice, "/api/v1/documents").await, 1);
    server.ok(alice.delete(&format!("/api/v1/documents/{}", id(&first)))).await;
}

async fn a_secret_is_stored_nowhere_and_its_request_done_once(server: &Server) {
    let alice = server.people.alice();
    let ask = || {
        let new = json!({ "name": "x", "scope": "read" });
        alice.in_session(Ask::post("/api/v1/tokens")).header("idempotency-key", "k-1").json(&new)
    };
    let before = server.ok(alice.get("/api/v1/tokens")).await["items"].as_array().unwrap().len();
    let made = server.ok(ask()).await;
    assert!(made["secret"].as_str().unwrap().starts_with("grd_"));
    assert_eq!(server.refusal(ask()).await, (409, "idempotency_key_answered".to_owned()));
    let listed = server.ok(alice.get("/api/v1/tokens")).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), before + 1);
}

async fn a_key_that_cannot_be_read_is_refused(server: &Server) {
    let alice = server.people.alice();
    for key in ["", &"k".repeat(256)] {
        assert_eq!(server.refusal(create(alice, key, "x")).await, (400, "bad_idempotency_key".to_owned()));
    }
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 0);
}

async fn every_creating_route_takes_a_key(server: &Server) {
    let paths = server.description["paths"].as_object().unwrap();
    let mut creating = 0;
    for (path, item) in paths {
        let operation = &item["post"];
        // Without a user there is nobody whose key it could be.
        let creates = !operation["responses"]["201"].is_null() && operation["x-access"]["who"] != "anyone";
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let takes_key = parameters.iter().any(|parameter| parameter["name"] == "idempotency-key");
        assert_eq!(takes_key, creates, "{path}");
        creating += usize::from(creates);
    }
    assert!(creating >= 9, "only {creating}");
}
