//! What is denied is remembered: who asked for what, when and from where (SECURITY 47).

use serde_json::Value;

use crate::asking::Ask;
use crate::each_database;
use crate::people::Person;
use crate::server::Server;

each_database!(every_kind_of_denial_is_in_the_audit_log_and_none_floods_it);

/// What the log has of denied routes: outcome, subject, name and address.
async fn denials(server: &Server) -> Vec<[String; 4]> {
    let log = server.ok(server.people.carol().get("/api/v1/audit-events?limit=200&order=asc")).await;
    let denied = log["items"].as_array().unwrap().iter().filter(|event| event["action"] == "use-route");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    denied
        .map(|event| {
            assert!(text(&event["at"]).ends_with('Z'), "the time has its zone: {event}");
            assert!(event["request_id"].is_string() && event["user_id"].is_string(), "{event}");
            ["outcome", "subject", "user_name", "address"].map(|field| text(&event[field]))
        })
        .collect()
}

fn asks(alice: &Person) -> [Ask; 4] {
    let document = "/api/v1/documents/00000000-0000-0000-0000-000000000001";
    [
        alice.get("/api/v1/users?limit=7"),
        Ask::post("/api/v1/datasets").bearer(&alice.reading_token),
        alice.with_token(Ask::new("PUT", "/api/v1/me/password")),
        Ask::new("DELETE", document).session(&alice.session).header("sec-fetch-site", "cross-site"),
    ]
}

async fn every_kind_of_denial_is_in_the_audit_log_and_none_floods_it(server: &Server) {
    let alice = server.people.alice();
    let expected = [
        ["role-too-low", "GET /api/v1/users"],
        ["scope-missing", "POST /api/v1/datasets"],
        ["session-needed", "PUT /api/v1/me/password"],
        ["cross-site-request", "DELETE /api/v1/documents/{id}"],
    ];
    let expected =
        expected.map(|[outcome, subject]| [outcome, subject, "alice", "127.0.0.1"].map(str::to_owned));
    for _ in 0..3 {
        for ask in asks(alice) {
            assert_eq!(server.ask(ask).await.status, 403);
        }
    }
    assert_eq!(denials(server).await, expected);
    // An hour later it is news again; another user's denial always is.
    server.clock.advance_seconds(60 * 60);
    for ask in asks(alice) {
        assert_eq!(server.ask(ask).await.status, 403);
    }
    assert_eq!(denials(server).await, [expected.clone(), expected].concat());
    assert_eq!(server.ask(server.people.vera().get("/api/v1/users")).await.status, 403);
    assert_eq!(denials(server).await.len(), 9);
}
