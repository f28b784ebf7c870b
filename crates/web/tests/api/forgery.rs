//! Requests that another site makes a browser send (SECURITY 17 to 19), tried on every route that changes something.

use gradus_web::routes::RouteFacts;

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;
use crate::things::filled;

each_database!(
    no_other_site_changes_anything_with_a_session,
    no_form_of_another_site_is_read_as_json,
    the_own_page_and_programs_are_let_through,
);

fn ask(route: &RouteFacts) -> Ask {
    Ask::new(route.method.as_str(), &filled(&route.path))
}

fn changing(server: &Server) -> impl Iterator<Item = &RouteFacts> {
    server.routes.iter().filter(|route| !route.method.is_safe())
}

async fn no_other_site_changes_anything_with_a_session(server: &Server) {
    let carol = server.people.carol();
    let mut tried = 0;
    for route in changing(server).filter(|route| route.access.needs_caller()) {
        let lines: [&[(&str, &str)]; 6] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[],
        ];
        for lines in lines {
            let ask = lines
                .iter()
                .fold(ask(route).session(&carol.session), |ask, (name, value)| ask.header(name, value));
            let answer = server.ask(ask).await;
            assert_eq!(answer.status, 403, "{} {} {lines:?}", route.method, route.path);
            assert!(answer.text().contains("\"cross_site_request\""), "{}", answer.text());
            tried += 1;
        }
    }
    assert!(tried > 6 * 50, "only {tried}");
}

async fn no_form_of_another_site_is_read_as_json(server: &Server) {
    let alice = server.people.alice();
    // Where nothing is, any kind of body is as good as another.
    for route in changing(server).filter(|route| !route.path.contains('*')) {
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            let ask = ask(route).header("content-type", kind).body("{\"name\": \"x\"}");
            let answer = server.ask(alice.with_token(ask)).await;
            let is_refused = [403, 415].contains(&answer.status);
            assert!(is_refused, "{} {} {kind}: {}", route.method, route.path, answer.status);
        }
    }
    let open = Ask::post("/api/v1/sessions").header("content-type", "text/plain").body("{}");
    assert_eq!(server.refusal(open).await.0, 403);
}

async fn the_own_page_and_programs_are_let_through(server: &Server) {
    let alice = server.people.alice();
    let rename = || Ask::new("PATCH", "/api/v1/me").json(&serde_json::json!({ "display_name": "Alice" }));
    server.ok(alice.in_session(rename())).await;
    server.ok(rename().session(&alice.session).header("origin", "http://gradus.test")).await;
    server.ok(alice.with_token(rename()).header("sec-fetch-site", "cross-site")).await;
    let anyone = server.ask(Ask::get("/api/v1/setup").header("origin", "https://evil.example")).await;
    assert_eq!(anyone.header("access-control-allow-origin"), None);
}
