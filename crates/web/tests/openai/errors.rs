//! What every address under `/v1` answers where there is nothing to answer.

use crate::asking::Ask;
use crate::each_database;
use crate::running::{Running, refused};

each_database!(whatever_is_not_supported_says_so, who_is_not_signed_in_is_told_in_openais_shape);

async fn whatever_is_not_supported_says_so(server: &Running) {
    for ask in [
        Ask::get("/v1/assistants"),
        Ask::post("/v1/embeddings").header("content-type", "application/json").body("{}"),
        Ask::post("/v1/audio/transcriptions")
            .header("content-type", "multipart/form-data; boundary=x")
            .body("x"),
        Ask::new("DELETE", "/v1/responses/resp_1"),
        Ask::get("/v1/fine_tuning/checkpoints/ft:a:b:c/permissions"),
        Ask::post("/v1/fine_tuning/alpha/graders/run"),
    ] {
        let answer = server.ask(ask.clone().bearer(&server.alice.token)).await;
        let expected = (404, "invalid_request_error".into(), None, Some("unknown_url".into()));
        assert_eq!(refused(&answer), expected, "{ask:?}");
        assert!(answer.text().contains("is not supported by this server"), "{}", answer.text());
    }
    let answer = server.ask(Ask::new("PUT", "/v1/models").bearer(&server.alice.token)).await;
    assert_eq!(refused(&answer).0, 405);
}

async fn who_is_not_signed_in_is_told_in_openais_shape(server: &Running) {
    for ask in [
        Ask::get("/v1/models"),
        Ask::get("/v1/anything"),
        Ask::get("/v1/models").bearer("grd_wrong"),
        Ask::post("/v1/chat/completions").header("content-type", "application/json").body("{}"),
    ] {
        let (status, kind, _, _) = refused(&server.ask(ask).await);
        assert_eq!((status, kind.as_str()), (401, "authentication_error"));
    }
}
