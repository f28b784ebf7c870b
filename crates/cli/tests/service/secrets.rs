//! No secret stays anywhere but with whoever it was given to (SECURITY 41): passwords, sessions and tokens are looked for
//! in everything that a server writes: its database, its files, its log, its figures and its answers.

use gradus_testkit::{Kind, on_each_database};
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::machine::PASSWORD;
use crate::server::Server;

on_each_database!(no_secret_is_written_down);

const TYPED: &str = "canary-typed-as-a-password-4711";
const ASKED: &str = "canary-in-an-address-4711";
const QUESTION: &str = "canary-asked-of-a-model-4711";

/// Someone logs in, mistypes, makes tokens, and puts secrets where none belong; the secrets, and all answers but those
/// that hand one out.
async fn use_it(server: &Server) -> (Vec<String>, String) {
    let token = server.token().await;
    let mut secrets = vec![PASSWORD.to_owned(), token.clone(), TYPED.to_owned(), ASKED.to_owned()];
    let mut answers = String::new();
    let log_in = |password: &str| {
        Ask::post("/api/v1/sessions").json(&json!({ "name": "carol", "password": password }))
    };
    answers.push_str(&server.ask(log_in(TYPED)).await.text());
    let session = server.ask(log_in(PASSWORD)).await;
    assert_eq!(session.status, 201, "{}", session.text());
    let cookie = session.header("set-cookie").unwrap();
    let session_secret = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    secrets.push(session_secret.clone());
    answers.push_str(&session.text());

    let new = json!({ "name": "a script", "scope": "read" });
    let made: Value = server
        .ask(
            Ask::post("/api/v1/tokens")
                .session(&session_secret)
                .header("sec-fetch-site", "same-origin")
                .header("idempotency-key", "k")
                .json(&new),
        )
        .await
        .json();
    let second = made["secret"].as_str().unwrap().to_owned();
    for path in
        ["/api/v1/me", "/api/v1/tokens", "/api/v1/sessions", "/api/v1/audit-events", "/v1/models", "/metrics"]
    {
        answers.push_str(&server.ask(Ask::get(path).bearer(&token)).await.text());
        answers.push_str(&server.ask(Ask::get(path).bearer(&second)).await.text());
    }
    let revoked = format!("/api/v1/tokens/{}", made["token"]["id"].as_str().unwrap());
    answers.push_str(&server.ask(Ask::new("DELETE", &revoked).bearer(&token)).await.text());
    for ask in [
        Ask::get("/api/v1/me").bearer(&second),
        Ask::get(&format!("/api/v1/me?token={ASKED}")).bearer(&token),
        Ask::get(&format!("/api/v1/{ASKED}")).bearer(&token),
        Ask::get("/api/v1/me").header("authorization", &format!("Basic {ASKED}")),
        Ask::post("/api/v1/users").bearer(&token).json(&json!({ "name": "x", "password": TYPED })),
        Ask::post("/api/v1/tokens").bearer(&token).json(&json!([TYPED])),
        Ask::post("/api/v1/sessions").header("content-type", "application/json").body(format!("{{\"{TYPED}")),
    ] {
        let answer = server.ask(ask).await;
        assert!(answer.status >= 400, "{}", answer.text());
        answers.push_str(&answer.text());
    }
    // What people ask a model is theirs: no log has it.
    let messages = json!([{ "role": "user", "content": QUESTION }]);
    let chat = json!({ "model": "no-such-model", "messages": messages });
    server.ask(Ask::post("/v1/chat/completions").bearer(&token).json(&chat)).await;
    secrets.extend([second, QUESTION.to_owned()]);
    (secrets, answers)
}

async fn no_secret_is_written_down(kind: Kind) {
    let Some(server) = Server::start(kind).await else { return };
    let (secrets, answers) = use_it(&server).await;
    let rows = server.rows().await;
    assert!(rows.contains("\"carol\"") && rows.contains("$argon2id$"), "the rows are those of this server");
    for secret in &secrets {
        assert!(!answers.contains(secret) && !rows.contains(secret), "{secret}");
    }
    for (path, bytes) in server.end_and_read_all().await {
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has {secret}", path.display());
        }
    }
}
