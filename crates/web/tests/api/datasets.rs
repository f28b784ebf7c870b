//! Datasets and their versions.

use gradus_app::store::datasets::versions;
use gradus_app::store::documents;
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{DatasetVersionId, DocumentId, Id as _};
use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;
use crate::things::{id, uuid};

each_database!(
    a_dataset_is_made_renamed_and_deleted,
    versions_are_numbered_and_show_their_examples,
    a_version_that_failed_says_why_and_is_built_again,
    a_dataset_is_built_of_ones_own_documents,
    a_dataset_is_built_of_what_was_uploaded_for_it,
);

async fn a_dataset_is_made_renamed_and_deleted(server: &Server) {
    let alice = server.people.alice();
    let new = json!({ "name": "Biology", "description": "Year 7", "metadata": { "school": "Weimar" } });
    let made = server.ok(alice.post("/api/v1/datasets").json(&new)).await;
    assert_eq!((made["dataset"]["name"].as_str(), &made["versions"]), (Some("Biology"), &json!([])));
    let path = format!("/api/v1/datasets/{}", id(&made["dataset"]));
    server.clock.advance_seconds(60);
    let rename = alice.with_token(Ask::new("PATCH", &path)).json(&json!({ "name": "Botany" }));
    let renamed = server.ok(rename).await;
    assert_eq!((renamed["name"].as_str(), renamed["description"].as_str()), (Some("Botany"), Some("Year 7")));
    assert_ne!(renamed["updated_at"], made["dataset"]["updated_at"]);
    assert_eq!(server.ok(alice.get(&path)).await["dataset"], renamed);
    server.ok(alice.delete(&path)).await;
    assert_eq!(server.refusal(alice.get(&path)).await.0, 404);
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 0);
}

async fn versions_are_numbered_and_show_their_examples(server: &Server) {
    let alice = server.people.alice();
    let (dataset, first) = server.ready_dataset(alice).await;
    let shown = server.ok(alice.get(&format!("/api/v1/dataset-versions/{first}"))).await;
    assert_eq!((shown["number"].as_i64(), shown["state"].as_str()), (Some(1), Some("ready")));
    assert_eq!(shown["settings"]["validation_share"], 0.1);
    let examples = format!("/api/v1/dataset-versions/{first}/examples");
    let page = server.ok(alice.get(&format!("{examples}?limit=2"))).await;
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_u64()), (2, Some(2)));
    let rest = server.ok(alice.get(&format!("{examples}?from=2&limit=3"))).await;
    assert_eq!((rest["items"][0]["position"].as_i64(), rest["has_more"].as_bool()), (Some(2), Some(false)));

    let (guide, answers) = (server.document(alice, "guide").await, server.document(alice, "answers").await);
    let new =
        json!({ "guide": guide, "answers": [answers], "validation_share": 0.2, "leaked_answers": "keep" });
    let second = server.ok(alice.post(&format!("/api/v1/datasets/{dataset}/versions")).json(&new)).await;
    assert_eq!((second["number"].as_i64(), second["state"].as_str()), (Some(2), Some("queued")));
    assert_eq!(second["settings"]["leaked_answers"], "keep");
    let versions = server.ok(alice.get(&format!("/api/v1/datasets/{dataset}"))).await;
    assert_eq!(versions["versions"][0]["id"], second["id"], "the newest first");
}

async fn a_version_that_failed_says_why_and_is_built_again(server: &Server) {
    let alice = server.people.alice();
    let (_, version) = server.dataset(alice).await;
    let retry = || alice.post(&format!("/api/v1/dataset-versions/{version}/retry"));
    assert_eq!(server.refusal(retry()).await, (409, "not_now".to_owned()));
    let row = DatasetVersionId::from_uuid(uuid(&version));
    let failure = Failure {
        category: Category::Input,
        severity: Severity::Error,
        is_transient: false,
        message: "answers.csv, row 3: question `9` is not in the guide".to_owned(),
    };
    server.write(move |change| async move { versions::fail(&change, row, failure).await }).await;
    let shown = server.ok(alice.get(&format!("/api/v1/dataset-versions/{version}"))).await;
    assert!(shown["failure"]["message"].as_str().unwrap().contains("row 3"));
    assert_eq!(server.ok(retry()).await["state"], "queued");
}

async fn a_dataset_is_built_of_ones_own_documents(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (guide, answers) = (server.document(alice, "guide").await, server.document(bob, "answers").await);
    let stolen = json!({ "name": "x", "version": { "guide": guide, "answers": [answers] } });
    assert_eq!(server.refusal(bob.post("/api/v1/datasets").json(&stolen)).await.0, 404);
    let empty = json!({ "name": "x", "version": { "guide": guide, "answers": [] } });
    assert_eq!(server.refusal(alice.post("/api/v1/datasets").json(&empty)).await.0, 422);
    assert_eq!(server.count(bob, "/api/v1/datasets").await, 0);
}

async fn a_dataset_is_built_of_what_was_uploaded_for_it(server: &Server) {
    let alice = server.people.alice();
    let (guide, answers) = (server.document(alice, "guide").await, server.document(alice, "answers").await);
    let refused = async |guide: &str, answers: &str| {
        let new = json!({ "name": "x", "version": { "guide": guide, "answers": [answers] } });
        let answer = server.ask(alice.post("/api/v1/datasets").json(&new)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        let error = answer.json()["errors"][0].clone();
        assert!(error["field"].as_str().unwrap().starts_with("body.version."), "{error}");
        error["message"].as_str().unwrap().to_owned()
    };
    let wrong = "file.txt was uploaded as `answers`: upload it with the purpose `guide`";
    assert_eq!(refused(&answers, &answers).await, wrong);
    assert!(refused(&guide, &guide).await.contains("uploaded as `guide`"));
    let row = DocumentId::from_uuid(uuid(&guide));
    let failure = Failure {
        category: Category::Input,
        severity: Severity::Error,
        is_transient: false,
        message: "it has no pages".to_owned(),
    };
    server.write(move |change| async move { documents::reject(&change, row, failure).await }).await;
    let unread = "file.txt could not be read: it has no pages; mend it and upload it again";
    assert_eq!(refused(&guide, &answers).await, unread);
    assert_eq!(server.count(alice, "/api/v1/datasets").await, 0, "what was refused is there");
}
