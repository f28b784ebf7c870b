//! Trained models, their files, and base models.

use crate::each_database;
use crate::server::Server;

each_database!(
    a_model_is_shown_downloaded_and_deleted,
    base_models_are_listed,
    a_model_that_is_tested_is_not_deleted
);

async fn a_model_is_shown_downloaded_and_deleted(server: &Server) {
    let alice = server.people.alice();
    let model = server.model(alice).await;
    let path = format!("/api/v1/models/{model}");
    let shown = server.ok(alice.get(&path)).await;
    assert_eq!(
        (shown["kind"].as_str(), shown["figures"]["agreement"].as_f64()),
        (Some("marking"), Some(0.9))
    );
    let files = server.ok(alice.get(&format!("{path}/files"))).await;
    let names: Vec<_> =
        files["items"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["adapter.bin", "exports/model.gguf"]);
    let file = server.ask(alice.get(&format!("{path}/files/exports%2Fmodel.gguf"))).await;
    assert_eq!((file.status, file.body.as_slice()), (200, b"exports/model.gguf".as_slice()));
    assert!(file.header("content-disposition").unwrap().contains("filename=\"model.gguf\""));
    for name in ["other.bin", "..%2F..%2Fgradus.db", "adapter.bin%2F.."] {
        assert_eq!(server.refusal(alice.get(&format!("{path}/files/{name}"))).await.0, 404, "{name}");
    }
    server.ok(alice.delete(&path)).await;
    assert_eq!(server.refusal(alice.get(&path)).await.0, 404);
}

async fn base_models_are_listed(server: &Server) {
    let vera = server.people.vera();
    let listed = server.ok(vera.get("/api/v1/base-models")).await;
    let first = &listed["items"][0];
    assert_eq!(first["name"], "smollm2-135m-instruct");
    assert_eq!(
        (first["is_installed"].as_bool(), first["licence"].as_str()),
        (Some(false), Some("Apache-2.0"))
    );
}

async fn a_model_that_is_tested_is_not_deleted(server: &Server) {
    let alice = server.people.alice();
    let test = server.model_test(alice).await;
    let shown = server.ok(alice.get(&format!("/api/v1/model-tests/{test}"))).await;
    let model = format!("/api/v1/models/{}", shown["model_id"].as_str().unwrap());
    assert_eq!(server.refusal(alice.delete(&model)).await, (409, "in_use".to_owned()));
    server.ok(alice.delete(&format!("/api/v1/model-tests/{test}"))).await;
    server.ok(alice.delete(&model)).await;
}
