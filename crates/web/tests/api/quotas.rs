//! How much one user may have: what waits, what is stored, what is made.

use gradus_app::store::models::{self, TrainedModel};
use gradus_app::store::{Json, Key};
use gradus_domain::ModelId;
use serde_json::json;

use crate::each_database;
use crate::server::{MOST_QUEUED, MOST_THINGS, MOST_TOKENS, Server};

each_database!(
    work_beyond_the_quota_is_refused_and_each_user_has_their_own,
    things_beyond_the_quota_are_refused,
    tokens_beyond_the_quota_are_refused_until_one_is_revoked,
    whoever_has_too_many_bytes_of_models_trains_nothing_more,
    tokens_and_sessions_come_in_pages,
);

async fn work_beyond_the_quota_is_refused_and_each_user_has_their_own(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let (dataset, _) = server.dataset(alice).await;
    let answers = server.document(alice, "answers").await;
    let guides = server.ok(alice.get("/api/v1/documents?purpose=guide")).await;
    let version = json!({ "guide": guides["items"][0]["id"], "answers": [answers] });
    let build = || alice.post(&format!("/api/v1/datasets/{dataset}/versions")).json(&version);
    // The guide is read and the first version is built.
    for _ in 2..MOST_QUEUED {
        server.ok(build()).await;
    }
    assert_eq!(server.refusal(build()).await, (403, "quota_queued_work".to_owned()));
    let guide = server.upload(alice, b"x", "guide.md", &[("purpose", "guide")]);
    assert_eq!(server.refusal(guide).await, (403, "quota_queued_work".to_owned()));
    server.document(alice, "answers").await;
    server.dataset(bob).await;
}

async fn things_beyond_the_quota_are_refused(server: &Server) {
    let alice = server.people.alice();
    let make = || alice.post("/api/v1/datasets").json(&json!({ "name": "x" }));
    for _ in 0..MOST_THINGS {
        server.ok(make()).await;
    }
    assert_eq!(server.refusal(make()).await, (403, "quota_things".to_owned()));
    let one = server.ok(alice.get("/api/v1/datasets?limit=1")).await["items"][0]["id"].clone();
    server.ok(alice.delete(&format!("/api/v1/datasets/{}", one.as_str().unwrap()))).await;
    server.ok(make()).await;
}

async fn tokens_beyond_the_quota_are_refused_until_one_is_revoked(server: &Server) {
    let alice = server.people.alice();
    let make = || {
        alice.in_session(
            crate::asking::Ask::post("/api/v1/tokens").json(&json!({ "name": "x", "scope": "read" })),
        )
    };
    let has = server.count(alice, "/api/v1/tokens").await as u64;
    let mut last = String::new();
    for _ in has..MOST_TOKENS {
        last = server.ok(make()).await["token"]["id"].as_str().unwrap().to_owned();
    }
    assert_eq!(server.refusal(make()).await, (403, "quota_api_tokens".to_owned()));
    server.ok(alice.delete(&format!("/api/v1/tokens/{last}"))).await;
    server.ok(make()).await;
}

async fn whoever_has_too_many_bytes_of_models_trains_nothing_more(server: &Server) {
    let alice = server.people.alice();
    let (owner, most) = (alice.caller.user, server.state.services.quotas.model_bytes);
    server
        .write(move |change| async move {
            let model = TrainedModel {
                id: Key(ModelId::new()),
                owner_id: Key(owner),
                name: "ft:tiny:large:1".to_owned(),
                kind: "chat".to_owned(),
                base_model: "smollm2-135m-instruct".to_owned(),
                training_job_id: None,
                step: None,
                bytes: most.cast_signed() - 3,
                figures: Json(json!({})),
                metadata: Json(json!({})),
                created_at: change.now(),
            };
            models::insert(&change, model, Vec::new()).await
        })
        .await;
    let job = server.training_job(alice).await;
    // Its checkpoint has the three bytes that were left.
    server.checkpoint(&job).await;
    let conversations = server.document(alice, "conversations").await;
    let new = json!({
        "name": "x", "base_model": "smollm2-135m-instruct", "training_document": conversations,
    });
    let refused = server.refusal(alice.post("/api/v1/training-jobs").json(&new)).await;
    assert_eq!(refused, (403, "quota_model_bytes".to_owned()));
    server.training_job(server.people.bob()).await;
}

async fn tokens_and_sessions_come_in_pages(server: &Server) {
    let alice = server.people.alice();
    let first = server.ok(alice.get("/api/v1/tokens?limit=1")).await;
    assert_eq!((first["items"].as_array().unwrap().len(), &first["has_more"]), (1, &json!(true)));
    let next = first["next"].as_str().unwrap();
    let rest = server.ok(alice.get(&format!("/api/v1/tokens?limit=1&after={next}"))).await;
    assert_ne!(rest["items"][0]["id"], first["items"][0]["id"]);
    let sessions = server.ok(alice.get("/api/v1/sessions?limit=1")).await;
    assert_eq!((sessions["items"].as_array().unwrap().len(), &sessions["has_more"]), (1, &json!(false)));
}
