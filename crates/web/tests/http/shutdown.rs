//! How a server stops: what is being answered is finished, within a time.

use std::time::{Duration, Instant};

use gradus_web::server::{Farewell, ServerLimits};
use tokio::net::TcpStream;

use crate::asking::Ask;
use crate::people::ALICE;
use crate::running::Running;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_request_at_hand_is_finished_and_idle_connections_are_closed() {
    let server = Running::start().await;
    let mut idle = server.connect().await;
    idle.send(Ask::get("/health/live").bytes(true)).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut half_a_head = server.connect().await;
    half_a_head.send("GET /health/live HT").await;
    let mut busy = server.connect().await;
    busy.send(Ask::get("/api/v1/slow").bytes(true)).await;
    server.demo.slow_began.notified().await;

    server.shutdown.cancel();
    assert!(idle.is_closed_within(SOON).await);
    assert!(half_a_head.is_closed_within(SOON).await);
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody new is let in");
    server.demo.slow_may_end.notify_one();
    let answer = busy.answer().await;
    assert_eq!((answer.text().as_str(), answer.header("connection").as_deref()), ("done", Some("close")));
    assert_eq!(server.served.await.unwrap(), Farewell { cut_connections: 0 });
}

#[tokio::test]
async fn streams_of_events_end_at_once() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let path = "/api/v1/jobs/00000000-0000-0000-0000-000000000001/events";
    connection.send(Ask::get(path).bearer(ALICE).bytes(true)).await;
    assert_eq!(connection.head().await.status, 200);
    let began = Instant::now();
    server.shutdown.cancel();
    while connection.line().await.is_some() {}
    assert_eq!(server.served.await.unwrap(), Farewell { cut_connections: 0 });
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_not_done_by_the_deadline_is_cut_and_counted() {
    let limits = ServerLimits { drain_deadline: Duration::from_millis(200), ..ServerLimits::default() };
    let server = Running::with_limits(limits).await;
    let mut stuck = server.connect().await;
    stuck.send(Ask::get("/api/v1/slow").bytes(true)).await;
    server.demo.slow_began.notified().await;
    let began = Instant::now();
    server.shutdown.cancel();
    assert_eq!(server.served.await.unwrap(), Farewell { cut_connections: 1 });
    assert!((Duration::from_millis(200)..SOON).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(stuck.is_closed_within(SOON).await);
}

#[tokio::test]
async fn an_upload_at_hand_is_finished() {
    let server = Running::start().await;
    let mut upload = server.connect().await;
    let head = format!(
        "PUT /api/v1/files/raw HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 10\r\n\r\nhello"
    );
    upload.send(head).await;
    while server.spooled_files().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    upload.send("world").await;
    assert_eq!(upload.answer().await.json()["bytes"], 10);
}
