//! How failures look: problem+json under /api, OpenAI's error under /v1, text elsewhere (SECURITY 43, 44).

use serde_json::json;

use crate::asking::Ask;
use crate::people::{ALICE, CAROL};
use crate::running::Running;

#[tokio::test]
async fn an_unknown_address_is_told_in_the_form_of_its_surface() {
    let server = Running::start().await;
    let api = server.ask(Ask::get("/api/v1/nowhere")).await;
    assert_eq!((api.status, api.header("content-type").as_deref()), (404, Some("application/problem+json")));
    let body = api.json();
    assert_eq!(body["type"], "/problems/not_found");
    assert_eq!(body["title"], "Not found");
    assert_eq!(body["status"], 404);
    assert_eq!(body["errors"], json!([]));

    let openai = server.ask(Ask::get("/v1/nowhere")).await;
    assert_eq!((openai.status, openai.header("content-type").as_deref()), (404, Some("application/json")));
    assert_eq!(openai.json()["error"]["type"], "invalid_request_error");
    assert_eq!(openai.json()["error"]["code"], "not_found");

    let page = server.ask(Ask::get("/nowhere")).await;
    assert_eq!(
        (page.status, page.header("content-type").as_deref()),
        (404, Some("text/plain; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_wrong_method_is_refused_with_those_that_there_are() {
    let server = Running::start().await;
    for method in ["PUT", "TRACE", "OPTIONS", "BREW", "CONNECT"] {
        let answer = server.ask(Ask::new(method, "/api/v1/notes")).await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{method}");
        let allow = answer.header("allow").unwrap();
        for allowed in ["GET", "HEAD", "POST"] {
            assert!(allow.contains(allowed), "{method}: {allow}");
        }
        assert!(!allow.contains("DELETE"), "{allow}");
    }
}

#[tokio::test]
async fn unknown_methods_are_refused_everywhere() {
    let server = Running::start().await;
    for path in ["/", "/api/v1/nowhere", "/v1/nowhere", "/nowhere"] {
        for method in ["TRACE", "TRACK", "BREW", "PROPFIND"] {
            let answer = server.ask(Ask::new(method, path)).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("allow").is_some(), "{method} {path}");
        }
        let deleted = server.ask(Ask::new("DELETE", path)).await.status;
        assert_eq!(deleted, if path == "/" { 405 } else { 404 }, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let server = Running::start().await;
    let cases = [
        (json!({ "title": "a", "parts": [{ "marks": 1 }, { "marks": -1 }] }), "body.parts[1].marks"),
        (json!({ "title": "a", "parts": [{ "marks": 1, "state": "lost" }] }), "body.parts[0].state"),
        (json!({ "title": "a", "parts": [], "owner_id": 7 }), "body.owner_id"),
        (json!({ "parts": [] }), "body"),
        (json!([1]), "body"),
    ];
    for (body, field) in cases {
        let answer = server.ask(Ask::post("/api/v1/notes").bearer(ALICE).json(&body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{body}");
        let error = &answer.json()["errors"][0];
        assert!(error["field"].as_str().unwrap().starts_with(field), "{body}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
    }
}

#[tokio::test]
async fn query_and_path_are_named_too() {
    let server = Running::start().await;
    let query = server.ask(Ask::get("/api/v1/notes?limit=many").bearer(ALICE)).await;
    assert_eq!((query.status, query.json()["errors"][0]["field"].as_str()), (422, Some("query.limit")));
    let path = server.ask(Ask::get("/api/v1/notes/not-an-id").bearer(ALICE)).await;
    assert_eq!((path.status, path.code().as_str()), (400, "bad_path"));
    let bytes = server.ask(Ask::get("/api/v1/notes/%ff").bearer(ALICE)).await;
    assert_eq!((bytes.status, bytes.json()["errors"][0]["field"].as_str()), (400, Some("path.id")));
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let server = Running::start().await;
    for body in ["{", "", r#"{"title":"a","parts":[]} {}"#, "\u{feff}{}", "nul"] {
        let ask =
            Ask::post("/api/v1/notes").bearer(ALICE).header("content-type", "application/json").body(body);
        let answer = server.ask(ask).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "not_json"), "{body:?}");
    }
    let deep = "[".repeat(100_000);
    let ask = Ask::post("/api/v1/notes").bearer(ALICE).header("content-type", "application/json").body(deep);
    assert!(matches!(server.ask(ask).await.status, 400 | 422));
}

#[tokio::test]
async fn openais_clients_get_their_own_form() {
    let server = Running::start().await;
    let wrong = Ask::post("/v1/chat/completions").bearer(ALICE);
    let wrong = server.ask(wrong.json(&json!({ "model": "m", "messages": [{ "content": 3 }] }))).await;
    assert_eq!(wrong.status, 400, "OpenAI's clients know no 422 for a field");
    assert_eq!(wrong.json()["error"]["param"], "messages[0].content");
    let stranger = server.ask(Ask::post("/v1/chat/completions").bearer("sk-nobody").json(&json!({}))).await;
    assert_eq!(
        (stranger.status, stranger.json()["error"]["type"].as_str()),
        (401, Some("authentication_error"))
    );
    let state = server.ask(Ask::post("/v1/finished/cancel").bearer(ALICE)).await;
    assert_eq!(
        (state.status, state.json()["error"]["code"].as_str()),
        (400, Some("conflict")),
        "409 is tried again"
    );
    let broken = server.ask(Ask::get("/v1/broken").bearer(ALICE)).await;
    assert_eq!((broken.status, broken.json()["error"]["type"].as_str()), (500, Some("server_error")));
}

#[tokio::test]
async fn what_goes_wrong_inside_stays_inside() {
    let server = Running::start().await;
    for (how, status) in [("panic", 500), ("internal", 500), ("text", 409), ("empty", 503)] {
        let answer = server.ask(Ask::get(&format!("/api/v1/broken/{how}")).bearer(ALICE)).await;
        assert_eq!(answer.status, status, "{how}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"), "{how}");
        for told in ["secret", "SELECT", "/var", "panicked", "rs:"] {
            assert!(!answer.text().contains(told), "{how} tells {told}: {}", answer.text());
        }
    }
    let again = server.ask(Ask::get("/health/live")).await;
    assert_eq!(again.status, 200, "a panic ends one request, not the server");
}

#[tokio::test]
async fn a_problem_says_when_to_come_back() {
    let server = Running::start().await;
    let answer = server.ask(Ask::get("/api/v1/broken/busy").bearer(ALICE)).await;
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("7")));
}

#[tokio::test]
async fn whoever_is_not_signed_in_sends_short_bodies() {
    let server = Running::start().await;
    let sign_in = |length: usize| {
        Ask::post("/api/v1/sessions").json(&serde_json::json!({ "name": "a".repeat(length) }))
    };
    assert_eq!(server.ask(sign_in(10_000)).await.status, 401);
    assert_eq!(server.ask(sign_in(20_000)).await.status, 413);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_declared_length_and_by_what_comes() {
    let server = Running::start().await;
    let mut declared = server.connect().await;
    declared
        .send(format!(
            "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
             Content-Type: application/json\r\nContent-Length: 2097153\r\n\r\n"
        ))
        .await;
    let answer = declared.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));

    let body = format!("\"{}\"", "a".repeat(2 * 1024 * 1024));
    let mut chunked = server.connect().await;
    let head = format!(
        "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    );
    chunked.send(head).await;
    let _ = chunked.try_send(format!("{body}\r\n0\r\n\r\n")).await;
    let answer = chunked.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn credentials_in_an_address_are_refused() {
    let server = Running::start().await;
    for path in [
        "/api/v1/me?access_token=grd_alice_author",
        "/api/v1/notes?q=grd_x",
        "/metrics?token=a",
        "/api/v1/nowhere?API_KEY=x",
    ] {
        let answer = server.ask(Ask::get(path).bearer(CAROL)).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains("credential"), "{}", answer.text());
        assert!(!answer.text().contains("grd_"), "{}", answer.text());
    }
}
