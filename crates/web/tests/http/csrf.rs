//! No page of another site can make a browser change anything (SECURITY 17 to 20).

use http::Method;

use crate::asking::Ask;
use crate::people::{ALICE, ALICE_SESSION};
use crate::running::Running;

/// A request that would change something, were it let through.
fn ask(method: &Method, path: &str) -> Ask {
    let path = path.replace("{id}", "00000000-0000-0000-0000-000000000001");
    Ask::new(method.as_str(), &path)
}

#[tokio::test]
async fn every_route_that_changes_something_refuses_requests_of_other_sites() {
    let server = Running::start().await;
    let origins: [&[(&str, &str)]; 7] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://gradus.test")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ];
    let unsafe_routes = server.routes.iter().filter(|route| !route.method.is_safe());
    let mut tried = 0;
    for route in unsafe_routes {
        for lines in origins {
            let mut ask = ask(&route.method, &route.path).session(ALICE_SESSION);
            for (name, value) in lines {
                ask = ask.header(name, value);
            }
            let answer = server.ask(ask).await;
            assert_eq!(answer.status, 403, "{} {} {lines:?}", route.method, route.path);
            tried += 1;
        }
    }
    assert!(tried >= 7 * 8, "only {tried}");
    assert_eq!(*server.demo.changes.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_servers_own_pages_and_tokens_are_let_through() {
    let server = Running::start().await;
    let cancel = || ask(&Method::POST, "/api/v1/notes/{id}/cancel");
    let own_pages = [
        cancel().session(ALICE_SESSION).header("sec-fetch-site", "same-origin"),
        cancel().session(ALICE_SESSION).header("origin", "http://gradus.test"),
        cancel().bearer(ALICE),
        cancel()
            .bearer(ALICE)
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://evil.example"),
    ];
    for ask in own_pages {
        let answer = server.ask(ask.clone()).await;
        assert_eq!(answer.status, 204, "{ask:?}: {}", answer.text());
    }
    assert_eq!(*server.demo.changes.lock().unwrap(), 4);
}

#[tokio::test]
async fn the_refusal_says_what_to_do() {
    let server = Running::start().await;
    let answer = server.ask(ask(&Method::DELETE, "/api/v1/notes/{id}").session(ALICE_SESSION)).await;
    assert_eq!(answer.code(), "cross_site_request");
}

#[tokio::test]
async fn bodies_that_a_form_of_another_site_can_send_are_no_json() {
    let server = Running::start().await;
    let body = r#"{"title":"a","parts":[]}"#;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
    {
        let ask = Ask::post("/api/v1/notes").bearer(ALICE).header("content-type", kind).body(body);
        let answer = server.ask(ask).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_media_type"), "{kind}");
    }
    let without = server.ask(Ask::post("/api/v1/notes").bearer(ALICE).body(body)).await;
    assert_eq!(without.status, 415);
    assert_eq!(*server.demo.changes.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_form_to_sign_in_comes_from_our_own_page() {
    let server = Running::start().await;
    let form =
        || Ask::post("/sign-in").header("content-type", "application/x-www-form-urlencoded").body("name=ada");
    assert_eq!(server.ask(form()).await.status, 403);
    assert_eq!(server.ask(form().header("origin", "https://evil.example")).await.status, 403);
    let own = server.ask(form().header("sec-fetch-site", "same-origin")).await;
    assert_eq!((own.status, own.text().as_str()), (200, "Welcome, ada."));
    let program = Ask::post("/api/v1/sessions").json(&serde_json::json!({ "name": "alice" }));
    assert_eq!(server.ask(program).await.status, 204);
}

#[tokio::test]
async fn a_session_and_its_cookie_are_for_this_host() {
    let server = Running::start().await;
    let answer =
        server.ask(Ask::post("/api/v1/sessions").json(&serde_json::json!({ "name": "alice" }))).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-gradus_session="), "{cookie}");
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(server.ask(Ask::get("/api/v1/me").session(ALICE_SESSION)).await.json()["name"], "user 1");
}
