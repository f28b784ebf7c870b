//! `models`: base models and trained models.

use gradus_domain::ModelId;
use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::jobs::{finish, job};
use crate::running::{BASE, Running, refused, refused_request};
use crate::uploads::ids;

each_database!(base_models_and_ones_own_are_listed_and_found, a_model_is_deleted_by_its_owner_alone);

async fn trained(server: &Running, name: &str) -> ModelId {
    finish(server, &job(server, json!({})).await, name).await
}

async fn base_models_and_ones_own_are_listed_and_found(server: &Running) {
    let name = format!("ft:{BASE}:biology:1a2b3c4d");
    trained(server, &name).await;
    assert_eq!(ids(&server.get("/v1/models").await), [BASE, &name]);
    let base = server.get(&format!("/v1/models/{BASE}")).await;
    let created = 1_795_435_200;
    assert_eq!(base, json!({ "id": BASE, "object": "model", "created": created, "owned_by": "system" }));
    for written in [name.clone(), name.replace(':', "%3A")] {
        let model = server.get(&format!("/v1/models/{written}")).await;
        assert_eq!((&model["id"], &model["object"]), (&json!(name), &json!("model")));
        assert!(model["owned_by"].as_str().unwrap().starts_with("user-"), "{model}");
    }
    let bobs = server.ask(Ask::get("/v1/models").bearer(&server.bob.token)).await;
    assert_eq!(ids(&bobs.json()), [BASE]);
    for unknown in [name.as_str(), "gpt-9", "gemma3-270m"] {
        let answer = server.ask(Ask::get(&format!("/v1/models/{unknown}")).bearer(&server.bob.token)).await;
        let expected =
            (404, "invalid_request_error".into(), Some("model".into()), Some("model_not_found".into()));
        assert_eq!(refused(&answer), expected, "{unknown}");
    }
}

async fn a_model_is_deleted_by_its_owner_alone(server: &Running) {
    let name = format!("ft:{BASE}:biology:1a2b3c4d");
    trained(server, &name).await;
    let delete = |name: &str| Ask::new("DELETE", &format!("/v1/models/{name}"));
    assert_eq!(refused(&server.ask(delete(&name).bearer(&server.bob.token)).await).0, 404);
    assert_eq!(refused(&server.ask(delete(&name).bearer(&server.alice_reads)).await).0, 403);
    let base = server.ask(delete(BASE).bearer(&server.alice.token)).await;
    assert_eq!(refused_request(&base), ("model".into(), "cannot_delete_base_model".into()));
    let deleted = server.ask(delete(&name).bearer(&server.alice.token)).await;
    assert_eq!(deleted.json(), json!({ "id": name, "object": "model", "deleted": true }));
    assert_eq!(ids(&server.get("/v1/models").await), [BASE]);
    assert_eq!(refused(&server.ask(delete(&name).bearer(&server.alice.token)).await).0, 404);
}
