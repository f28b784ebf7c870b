//! Clients that send or read too slowly cost the server little, and nobody else anything (SECURITY 45).

use std::time::{Duration, Instant};

use gradus_web::server::ServerLimits;

use crate::asking::Ask;
use crate::people::ALICE;
use crate::running::Running;

const SOON: Duration = Duration::from_secs(10);

fn impatient() -> ServerLimits {
    ServerLimits { header_read_timeout: Duration::from_millis(600), ..ServerLimits::default() }
}

#[tokio::test]
async fn two_hundred_clients_that_never_finish_a_head_are_let_go_and_disturb_nobody() {
    let server = Running::with_limits(impatient()).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut connection = server.connect().await;
        connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ").await;
        slow.push(connection);
    }
    let began = Instant::now();
    assert_eq!(server.ask(Ask::get("/health/live")).await.status, 200);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    for mut connection in slow {
        // One byte now and then does not buy more time.
        let _ = connection.try_send("a").await;
        assert!(connection.is_closed_within(SOON).await);
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Running::with_limits(impatient()).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    idle.send(Ask::get("/health/live").bytes(true)).await;
    assert_eq!(idle.answer().await.status, 200);
    assert!(silent.is_closed_within(SOON).await);
    assert!(idle.is_closed_within(SOON).await);
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_one_to_end() {
    let server = Running::with_limits(ServerLimits { max_connections: 2, ..impatient() }).await;
    let _first = server.connect().await;
    let _second = server.connect().await;
    let began = Instant::now();
    assert_eq!(server.ask(Ask::get("/health/live")).await.status, 200);
    assert!(began.elapsed() > Duration::from_millis(300), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let head = format!(
        "PUT /api/v1/files/raw HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\n"
    );
    connection.send(head).await;
    for _ in 0..3 {
        // Slow, but moving: each pause is shorter than the patience, all of them are longer.
        tokio::time::sleep(Duration::from_millis(200)).await;
        connection.send("part of a file").await;
    }
    let began = Instant::now();
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "timeout"));
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(server.spooled_files().len(), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = ServerLimits { write_stall_timeout: Duration::from_millis(300), ..ServerLimits::default() };
    let server = Running::with_limits(limits).await;
    let mut connection = server.connect().await;
    connection.send(Ask::get("/api/v1/endless").bytes(true)).await;
    let socket = connection.into_socket();
    let metrics = async || {
        let text = server.ask(Ask::get("/metrics").bearer(crate::people::CAROL)).await.text();
        text.lines().find(|line| line.contains("endless") && line.contains("_total")).map(str::to_owned)
    };
    let deadline = Instant::now() + SOON;
    while metrics().await.is_none() {
        assert!(Instant::now() < deadline, "the answer is still being sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(socket);
}
