//! No answer has a secret in it, but the one that hands it out (SECURITY 12, 27, 41, 43).

use gradus_web::routes::RouteFacts;
use http::Method;
use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::people::{PASSWORD, Person};
use crate::server::Server;
use crate::things::id;

each_database!(nothing_that_is_shown_holds_a_secret, a_query_lets_nobody_in, the_database_holds_no_secret);

fn secrets(server: &Server) -> Vec<String> {
    let people = [server.people.carol(), server.people.alice(), server.people.bob(), server.people.vera()];
    let of = |person: &&Person| [person.session.clone(), person.token.clone(), person.reading_token.clone()];
    let mut secrets: Vec<String> = people.iter().flat_map(of).collect();
    secrets.push(PASSWORD.to_owned());
    secrets.push("$argon2id$".to_owned());
    secrets
}

fn readable(server: &Server) -> impl Iterator<Item = &RouteFacts> {
    server.routes.iter().filter(|route| route.method == Method::GET && !route.path.contains('{'))
}

async fn nothing_that_is_shown_holds_a_secret(server: &Server) {
    let (carol, alice) = (server.people.carol(), server.people.alice());
    // Things that could have taken a secret along.
    server.ask(Ask::post("/api/v1/sessions").json(&json!({ "name": "alice", "password": PASSWORD }))).await;
    server.ask(Ask::post("/api/v1/sessions").json(&json!({ "name": PASSWORD, "password": "x" }))).await;
    server.document(alice, "answers").await;
    gradus_web::operations::Sampler::register(&server.state).sample().await.unwrap();
    let shown_as_given = "/api/v1/audit-events";
    let mut looked = 0;
    for route in readable(server) {
        let answer = server.ask(carol.in_session(Ask::get(&route.path))).await;
        for secret in secrets(server) {
            // The audit log has the names that were typed: whoever types a password there has shown it.
            let is_typed = route.path == shown_as_given && secret == PASSWORD;
            assert!(is_typed || !answer.text().contains(&secret), "{} shows {secret}", route.path);
        }
        looked += 1;
    }
    assert!(looked > 15, "only {looked}");
    let wrong = json!({ "name": "x", "scope": "read", "hours": "seven green kettles whistle" });
    let refused = server.ask(Ask::post("/api/v1/sessions").json(&json!({ "password": PASSWORD }))).await;
    assert!(!refused.text().contains(PASSWORD));
    assert_eq!(server.ask(alice.in_session(Ask::post("/api/v1/tokens")).json(&wrong)).await.status, 422);
}

async fn a_query_lets_nobody_in(server: &Server) {
    let alice = server.people.alice();
    for name in ["token", "access_token", "api_key", "session"] {
        let path = format!("/api/v1/me?{name}={}", alice.token);
        let status = server.ask(Ask::get(&path)).await.status;
        assert!([400, 401].contains(&status), "{name}: {status}");
    }
}

async fn the_database_holds_no_secret(server: &Server) {
    let alice = server.people.alice();
    let new = json!({ "name": "x", "scope": "read" });
    let made = server
        .ok(alice.in_session(Ask::post("/api/v1/tokens")).header("idempotency-key", "k").json(&new))
        .await;
    let mut secrets = secrets(server);
    secrets.retain(|secret| secret != "$argon2id$");
    secrets.push(made["secret"].as_str().unwrap().to_owned());
    assert!(!id(&made["token"]).is_empty());
    // All that a server of SQLite keeps; on PostgreSQL only the files beside the database are looked at.
    let mut open = vec![server.directory.path().to_owned(), server.database_directory.clone()];
    let mut read = 0;
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            read += bytes.len();
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} has {secret}", path.display());
            }
        }
    }
    assert!(read > 0 || !server.is_sqlite);
}
