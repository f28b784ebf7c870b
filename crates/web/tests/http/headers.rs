//! What every answer tells browsers (SECURITY 21 to 23), and ids of requests.

use gradus_web::guard::GuardSettings;

use crate::asking::Ask;
use crate::people::ALICE;
use crate::running::Running;

#[tokio::test]
async fn every_kind_of_answer_has_the_security_headers() {
    let server = Running::start().await;
    let asks = [
        Ask::get("/health/live"),
        Ask::get("/api/docs"),
        Ask::get("/api/v1/nowhere"),
        Ask::get("/api/v1/me"),
        Ask::get("/api/v1/me").bearer(ALICE),
        Ask::get("/api/v1/broken/panic").bearer(ALICE),
        Ask::new("TRACE", "/"),
    ];
    for ask in asks {
        let answer = server.ask(ask.clone()).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{ask:?}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let header = |name| answer.header(name).unwrap_or_default();
        assert_eq!(header("x-content-type-options"), "nosniff", "{ask:?}");
        assert_eq!(header("referrer-policy"), "same-origin", "{ask:?}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{ask:?}");
        assert_eq!(answer.header("strict-transport-security"), None, "{ask:?}");
        assert_eq!(answer.header("server"), None, "{ask:?}");
    }
}

#[tokio::test]
async fn transport_security_is_asked_for_only_where_there_is_some() {
    let server =
        Running::with_settings(GuardSettings { has_tls_in_front: true, ..GuardSettings::default() }).await;
    let value = server.ask(Ask::get("/health/live")).await.header("strict-transport-security").unwrap();
    assert!(value.starts_with("max-age=31536000"), "{value}");
}

#[tokio::test]
async fn what_is_for_one_person_is_never_stored() {
    let server = Running::start().await;
    // The last of them says that it may be kept.
    for path in ["/api/v1/me", "/api/v1/broken/text", "/api/v1/me/picture"] {
        let ask = Ask::get(path).bearer(ALICE);
        assert_eq!(server.ask(ask).await.header("cache-control").as_deref(), Some("no-store"));
    }
    let style = server.ask(Ask::get("/api/docs/style.css")).await;
    assert_eq!(style.header("cache-control").as_deref(), Some("public, max-age=3600"));
}

#[tokio::test]
async fn other_origins_are_allowed_nothing() {
    let server = Running::start().await;
    for method in ["GET", "OPTIONS"] {
        let ask = Ask::new(method, "/api/v1/me").header("origin", "https://evil.example").bearer(ALICE);
        let answer = server.ask(ask).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{method}");
    }
}

#[tokio::test]
async fn a_request_has_an_id_of_our_own() {
    let server = Running::start().await;
    let ask = Ask::get("/api/v1/nowhere").header("x-request-id", "chosen-by-the-client");
    let first = server.ask(ask.clone()).await;
    let id = first.header("x-request-id").unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(first.json()["instance"], format!("urn:gradus:request:{id}"));
    assert_ne!(server.ask(ask).await.header("x-request-id").unwrap(), id);
}

#[tokio::test]
async fn handlers_know_the_request_and_the_client() {
    let server = Running::start().await;
    let answer = server.ask(Ask::get("/api/v1/me").bearer(ALICE).header("x-forwarded-for", "1.2.3.4")).await;
    assert_eq!(answer.json()["address"], "127.0.0.1");
    assert_eq!(answer.json()["request"], answer.header("x-request-id").unwrap());
}
