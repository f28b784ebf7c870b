//! Tags of what is shown, and requests that hold only for what is as it was read.

use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;

each_database!(
    what_did_not_change_is_not_sent_again,
    what_changed_meanwhile_is_not_changed_or_deleted,
    of_two_who_change_what_they_know_at_once_one_does,
    every_thing_of_its_own_has_a_tag,
    whoever_makes_or_changes_a_thing_is_told_its_tag,
);

async fn what_did_not_change_is_not_sent_again(server: &Server) {
    let alice = server.people.alice();
    let made = server.ask(alice.post("/api/v1/datasets").json(&json!({ "name": "Biology" }))).await;
    let (path, tag) = (made.header("location").unwrap(), made.header("etag").unwrap());
    let read = |known: &str| alice.get(&path).header("if-none-match", known);
    let unchanged = server.ask(read(&tag)).await;
    assert_eq!(
        (unchanged.status, unchanged.body.len(), unchanged.header("etag")),
        (304, 0, Some(tag.clone()))
    );
    assert_eq!(server.ask(read(&format!("\"other\", W/{tag}"))).await.status, 304);
    assert_eq!(server.ask(read("\"other\"")).await.status, 200);
    let rename = Ask::new("PATCH", &path).json(&json!({ "name": "Botany" }));
    server.ok(alice.with_token(rename)).await;
    let changed = server.ask(read(&tag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag));
}

async fn what_changed_meanwhile_is_not_changed_or_deleted(server: &Server) {
    let alice = server.people.alice();
    let made = server.ask(alice.post("/api/v1/datasets").json(&json!({ "name": "Biology" }))).await;
    let (path, tag) = (made.header("location").unwrap(), made.header("etag").unwrap());
    let rename = |tag: &str, name: &str| {
        let ask = Ask::new("PATCH", &path).header("if-match", tag).json(&json!({ "name": name }));
        alice.with_token(ask)
    };
    server.ok(rename(&tag, "Botany")).await;
    assert_eq!(server.refusal(rename(&tag, "Zoology")).await, (412, "precondition_failed".to_owned()));
    assert_eq!(server.ok(alice.get(&path)).await["dataset"]["name"], "Botany");
    let delete = |tag: &str| alice.delete(&path).header("if-match", tag);
    assert_eq!(server.refusal(delete(&tag)).await.0, 412);
    let tag = server.ask(alice.get(&path)).await.header("etag").unwrap();
    server.ok(delete(&tag)).await;
    assert_eq!(server.refusal(delete(&tag)).await.0, 404);
    let me = server.ask(alice.get("/api/v1/me")).await.header("etag").unwrap();
    let change = |tag: &str| {
        let ask = Ask::new("PATCH", "/api/v1/me").header("if-match", tag);
        alice.with_token(ask.json(&json!({ "display_name": "A." })))
    };
    server.ok(change(&me)).await;
    assert_eq!(server.refusal(change(&me)).await.0, 412);
}

async fn of_two_who_change_what_they_know_at_once_one_does(server: &Server) {
    let alice = server.people.alice();
    let made = server.ask(alice.post("/api/v1/datasets").json(&json!({ "name": "Biology" }))).await;
    let (path, mut tag) = (made.header("location").unwrap(), made.header("etag").unwrap());
    for round in 0..5 {
        let rename = |name: &str| {
            let ask = Ask::new("PATCH", &path).header("if-match", &tag);
            server.ask(alice.with_token(ask.json(&json!({ "name": format!("{name} {round}") }))))
        };
        let answers = futures_util::future::join_all(["a", "b", "c", "d"].map(rename)).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412]);
        tag = server.ask(alice.get(&path)).await.header("etag").unwrap();
    }
}

async fn whoever_makes_or_changes_a_thing_is_told_its_tag(server: &Server) {
    let (carol, alice) = (server.people.carol(), server.people.alice());
    let conversations = server.document(alice, "conversations").await;
    let job = json!({
        "name": "Chat", "base_model": "smollm2-135m-instruct", "training_document": conversations,
    });
    let job = server.ask(alice.post("/api/v1/training-jobs").json(&job)).await;
    let at = job.header("location").unwrap();
    let now = server.ask(alice.get(&at)).await.header("etag");
    assert_eq!(job.header("etag"), now);
    // It is known as it is, and in use.
    let delete = alice.delete(&at).header("if-match", &now.unwrap());
    assert_eq!(server.refusal(delete).await, (409, "in_use".to_owned()));

    let dataset = server.ask(alice.post("/api/v1/datasets").json(&json!({ "name": "Biology" }))).await;
    let bob = format!("/api/v1/users/{}", server.people.bob().caller.user);
    let changes = [
        (alice, "PATCH", dataset.header("location").unwrap(), "", json!({ "name": "Botany" })),
        (alice, "PATCH", "/api/v1/me".to_owned(), "", json!({ "display_name": "A." })),
        (carol, "PUT", bob, "/role", json!({ "role": "viewer" })),
    ];
    for (person, method, path, below, change) in changes {
        let ask = Ask::new(method, &format!("{path}{below}")).json(&change);
        let changed = server.ask(person.in_session(ask)).await;
        let read = server.ask(person.in_session(Ask::get(&path))).await.header("etag").unwrap();
        assert_eq!(changed.header("etag"), Some(read), "{path}: {}", changed.text());
    }
}

async fn every_thing_of_its_own_has_a_tag(server: &Server) {
    let alice = server.people.alice();
    let (dataset, version) = server.ready_dataset(alice).await;
    let (report, job) = (server.report(alice).await, server.training_job(alice).await);
    let (document, model) = (server.document(alice, "answers").await, server.model(alice).await);
    let test: Value = server.ok(alice.get("/api/v1/model-tests")).await["items"][0]["id"].clone();
    let test = test.as_str().unwrap();
    let paths = [
        format!("datasets/{dataset}"),
        format!("dataset-versions/{version}"),
        format!("reports/{report}"),
        format!("training-jobs/{job}"),
        format!("documents/{document}"),
        format!("models/{model}"),
        format!("model-tests/{test}"),
        "me".to_owned(),
    ];
    for path in paths {
        let path = format!("/api/v1/{path}");
        let tag =
            server.ask(alice.get(&path)).await.header("etag").unwrap_or_else(|| panic!("{path} has none"));
        assert_eq!(server.ask(alice.get(&path).header("if-none-match", &tag)).await.status, 304, "{path}");
    }
}
