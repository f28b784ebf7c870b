//! Keeping connections open, pipelining, and answers that come before the request is over.

use std::time::{Duration, Instant};

use gradus_web::server::ServerLimits;

use crate::asking::Ask;
use crate::people::ALICE;
use crate::running::Running;

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    for _ in 0..3 {
        connection.send(Ask::get("/health/live").bytes(true)).await;
        assert_eq!(connection.answer().await.text(), "ok\n");
        connection.send(Ask::get("/nowhere").bytes(true)).await;
        assert_eq!(connection.answer().await.status, 404);
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let ids: Vec<String> =
        (0..5).map(|number| format!("00000000-0000-0000-0000-00000000000{number}")).collect();
    let asks = ids.iter().map(|id| Ask::get(&format!("/api/v1/notes/{id}")).bearer(ALICE).bytes(true));
    connection.send(asks.collect::<Vec<_>>().concat()).await;
    for id in ids {
        assert_eq!(connection.answer().await.json()["id"], id);
    }
}

#[tokio::test]
async fn a_neighbourhood_has_only_so_many_connections() {
    let limits = ServerLimits { max_connections_of_neighbourhood: 2, ..ServerLimits::default() };
    let server = Running::with_limits(limits).await;
    let mut own = [server.connect().await, server.connect().await];
    for connection in &mut own {
        connection.send(Ask::get("/health/live").bytes(true)).await;
        assert_eq!(connection.answer().await.status, 200);
    }
    let refused = server.connect().await.answer().await;
    assert_eq!((refused.status, refused.header("retry-after").as_deref()), (429, Some("1")));
    let [mut first, second] = own;
    drop(second);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.try_ask(&Ask::get("/health/live")).await != Some(200) {
        assert!(Instant::now() < deadline, "the place is free again");
    }
    first.send(Ask::get("/health/live").bytes(true)).await;
    assert_eq!(first.answer().await.status, 200, "who is served is served on");
}

#[tokio::test]
async fn a_trusted_proxy_has_the_connections_of_all_its_clients() {
    let limits = ServerLimits {
        max_connections_of_neighbourhood: 1,
        proxies: "127.0.0.1".parse().unwrap(),
        ..ServerLimits::default()
    };
    let server = Running::with_limits(limits).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut connection = server.connect().await;
        connection.send(Ask::get("/health/live").bytes(true)).await;
        assert_eq!(connection.answer().await.status, 200);
        open.push(connection);
    }
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_it_is_wanted() {
    let server = Running::start().await;
    let head = |token: &str| {
        format!(
            "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n\
             Content-Type: application/json\r\nContent-Length: 26\r\n\r\n"
        )
    };
    let mut wanted = server.connect().await;
    wanted.send(head(ALICE)).await;
    assert_eq!(wanted.head().await.status, 100);
    wanted.send(r#"{"title":"abcd","parts":[]"#).await;
    // The body is one brace short of JSON, and of its length.
    assert_eq!(wanted.answer().await.code(), "not_json");

    let mut unwanted = server.connect().await;
    unwanted.send(head("grd_nobody")).await;
    assert_eq!(unwanted.head().await.status, 401);
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let server = Running::start().await;
    let answer = server.ask(Ask::new("HEAD", "/health/live")).await;
    assert_eq!((answer.status, answer.header("content-length").as_deref()), (200, Some("3")));
    let missing = server.ask(Ask::new("HEAD", "/api/v1/nowhere")).await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.header("content-type").as_deref(), Some("application/problem+json"));
}

#[tokio::test]
async fn a_refusal_that_is_sooner_than_the_body_does_not_end_the_connection() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    for _ in 0..3 {
        let ask = Ask::post("/nowhere").body(vec![b'x'; 3000]).bytes(true);
        let (head, body) = ask.split_at(ask.len() - 3000);
        connection.send(head).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        connection.send(body).await;
        let refused = connection.answer().await;
        assert_eq!((refused.status, refused.header("connection")), (404, None));
        connection.send(Ask::get("/health/live").bytes(true)).await;
        assert_eq!(connection.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_that_ends_with_a_refusal_is_said_to_end() {
    let server = Running::start().await;
    let long =
        format!("POST /nowhere HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n", server.address);
    let waiting = format!(
        "POST /nowhere HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        server.address
    );
    for head in [long, waiting] {
        let mut connection = server.connect().await;
        connection.send(&head).await;
        let refused = connection.answer().await;
        assert_eq!((refused.status, refused.header("connection").as_deref()), (404, Some("close")), "{head}");
        assert!(connection.is_closed_within(Duration::from_secs(5)).await, "{head}");
    }
}
