//! Every route for every kind of caller (SECURITY 14, 24, 25, 27). The list comes from the table, so that no
//! route can be forgotten.

use std::sync::atomic::Ordering;

use gradus_domain::{Role, Scope};
use gradus_web::routes::RouteFacts;

use crate::asking::Ask;
use crate::people::{ALICE, ALICE_READS, ALICE_SESSION, CAROL, VERA};
use crate::running::Running;

/// A request to a route, without what it needs beyond being let in.
fn ask(route: &RouteFacts) -> Ask {
    let path = route.path.replace("{id}", "00000000-0000-0000-0000-000000000001").replace("{how}", "busy");
    Ask::new(route.method.as_str(), &path)
}

/// Routes whose answer ends.
fn routes(server: &Running) -> impl Iterator<Item = &RouteFacts> {
    server.routes.iter().filter(|route| !["/api/v1/slow", "/api/v1/endless"].contains(&route.path.as_str()))
}

async fn status(server: &Running, ask: Ask) -> u16 {
    let mut connection = server.connect().await;
    connection.send(ask.bytes(false)).await;
    connection.head().await.status
}

#[tokio::test]
async fn strangers_are_let_in_only_where_anyone_is() {
    let server = Running::start().await;
    let mut closed = 0;
    for route in routes(&server) {
        for ask in [ask(route), ask(route).bearer("grd_unknown"), ask(route).session("unknown")] {
            let status = status(&server, ask).await;
            if route.access.needs_caller() {
                assert_eq!(status, 401, "{} {}", route.method, route.path);
                closed += 1;
            } else {
                assert!(![401, 403].contains(&status) || !route.method.is_safe(), "{}: {status}", route.path);
            }
        }
    }
    assert!(closed > 3 * 10, "only {closed}");
}

#[tokio::test]
async fn each_role_and_scope_is_let_in_where_its_route_says_so() {
    let server = Running::start().await;
    let people = [
        (VERA, Role::Viewer, true),
        (ALICE, Role::Author, true),
        (ALICE_READS, Role::Author, false),
        (CAROL, Role::Admin, true),
    ];
    for route in routes(&server).filter(|route| route.access.needs_caller()) {
        for (token, role, may_write) in people {
            let status = status(&server, ask(route).bearer(token)).await;
            let has_role = route.access.least_role().is_some_and(|least| role.includes(least));
            let has_scope = may_write || route.access.scope() == Some(Scope::Read);
            let is_let_in = has_role && has_scope && !route.access.needs_session();
            assert_eq!(status != 403, is_let_in, "{} {} for {token}: {status}", route.method, route.path);
            assert_ne!(status, 401, "{} {} for {token}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn a_password_is_changed_in_a_session_and_not_with_a_token() {
    let server = Running::start().await;
    let change = || Ask::new("PUT", "/api/v1/me/password");
    let by_token = server.ask(change().bearer(ALICE)).await;
    assert_eq!((by_token.status, by_token.code().as_str()), (403, "session_needed"));
    let by_session = change().session(ALICE_SESSION).header("sec-fetch-site", "same-origin");
    assert_eq!(server.ask(by_session).await.status, 204);
}

#[tokio::test]
async fn what_is_revoked_is_refused_within_one_request() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection.send(Ask::get("/api/v1/me").bearer(ALICE).bytes(true)).await;
    assert_eq!(connection.answer().await.status, 200);
    server.people.revoke(ALICE);
    connection.send(Ask::get("/api/v1/me").bearer(ALICE).bytes(true)).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "credentials_not_valid"));
    assert_eq!(answer.header("www-authenticate").as_deref(), Some("Bearer realm=\"gradus\""));
}

#[tokio::test]
async fn a_bad_token_does_not_fall_back_to_a_good_cookie() {
    let server = Running::start().await;
    for line in ["Basic YTpi", "Bearer grd_unknown", "grd_alice_author"] {
        let ask = Ask::get("/api/v1/me").header("authorization", line).session(ALICE_SESSION);
        assert_eq!(server.ask(ask).await.status, 401, "{line}");
    }
}

#[tokio::test]
async fn a_token_is_no_session_and_a_session_no_token() {
    let server = Running::start().await;
    assert_eq!(server.ask(Ask::get("/api/v1/me").session(ALICE)).await.status, 401);
    assert_eq!(server.ask(Ask::get("/api/v1/me").bearer(ALICE_SESSION)).await.status, 401);
}

#[tokio::test]
async fn credentials_that_cannot_be_checked_are_not_called_wrong() {
    let server = Running::start().await;
    server.people.is_down.store(true, Ordering::Relaxed);
    let answer = server.ask(Ask::get("/api/v1/me").bearer(ALICE)).await;
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")));
    assert!(!answer.text().contains("secret_table"), "{}", answer.text());
}

#[tokio::test]
async fn open_routes_and_wrong_addresses_ask_nobody() {
    let server = Running::start().await;
    for ask in [Ask::get("/health/live"), Ask::get("/api/v1/nowhere"), Ask::new("DELETE", "/api/v1/me")] {
        server.ask(ask.bearer(ALICE)).await;
    }
    assert_eq!(server.people.asked.load(Ordering::Relaxed), 0);
}
