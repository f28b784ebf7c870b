//! What is shared is seen by those it is shared with, and by nobody else.

use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;

each_database!(a_shared_dataset_is_seen_and_not_changed, a_shared_model_is_used_until_it_is_taken_back);

async fn a_shared_dataset_is_seen_and_not_changed(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (dataset, version) = server.ready_dataset(alice).await;
    let (path, shares) =
        (format!("/api/v1/datasets/{dataset}"), format!("/api/v1/datasets/{dataset}/shares"));
    assert_eq!(server.refusal(bob.get(&path)).await.0, 404);
    server.ok(alice.post(&shares).json(&json!({ "user_name": "BOB" }))).await;
    let listed = server.ok(alice.get(&shares)).await;
    assert_eq!(
        listed["items"],
        json!([{ "user_id": bob.caller.user, "user_name": "bob", "display_name": "BOB" }])
    );
    server.ok(bob.get(&path)).await;
    server.ok(bob.get(&format!("/api/v1/dataset-versions/{version}/examples"))).await;
    assert_eq!(server.count(bob, "/api/v1/datasets").await, 1);
    // Seeing is not owning.
    let rename = Ask::new("PATCH", &path).json(&json!({ "name": "mine" }));
    assert_eq!(server.refusal(bob.with_token(rename)).await.0, 404);
    assert_eq!(server.refusal(bob.delete(&path)).await.0, 404);
    let onward = bob.post(&shares).json(&json!({ "user_name": "vera" }));
    assert_eq!(server.refusal(onward).await, (403, "not_owner".to_owned()));
    assert_eq!(server.refusal(bob.get(&shares)).await, (403, "not_owner".to_owned()));
}

async fn a_shared_model_is_used_until_it_is_taken_back(server: &Server) {
    let (alice, vera) = (server.people.alice(), server.people.vera());
    let model = server.model(alice).await;
    let (path, shares) = (format!("/api/v1/models/{model}"), format!("/api/v1/models/{model}/shares"));
    let with = |name: &str| alice.post(&shares).json(&json!({ "user_name": name }));
    assert_eq!(server.refusal(with("nobody")).await, (404, "not_found".to_owned()));
    assert_eq!(server.refusal(with("no body")).await, (422, "invalid".to_owned()));
    server.ok(with("vera")).await;
    server.ok(vera.get(&path)).await;
    let file = server.ask(vera.get(&format!("{path}/files/exports%2Fmodel.gguf"))).await;
    assert_eq!((file.status, file.body.as_slice()), (200, b"exports/model.gguf".as_slice()));
    server.ok(alice.delete(&format!("{shares}/vera"))).await;
    assert_eq!(server.refusal(vera.get(&path)).await.0, 404);
    assert_eq!(server.refusal(alice.delete(&format!("{shares}/vera"))).await.0, 404);
}
