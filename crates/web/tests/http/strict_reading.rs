//! Requests that two readers could understand differently are refused and end the connection (SECURITY 45).

use std::time::Duration;

use crate::asking::Ask;
use crate::people::ALICE;
use crate::running::Running;
use crate::wire::Answer;

const SOON: Duration = Duration::from_secs(5);

async fn refused(server: &Running, request: &str) -> Answer {
    let mut connection = server.connect().await;
    connection.send(request).await;
    let answer = connection.answer().await;
    assert_eq!(answer.header("connection").as_deref(), Some("close"), "{request:?}");
    drop_write_side_and_check(connection).await;
    answer
}

/// The server has ended its side, and ends the connection when the client does.
async fn drop_write_side_and_check(mut connection: crate::wire::Connection) {
    assert!(connection.is_closed_within(SOON).await, "the connection is closed");
}

#[tokio::test]
async fn a_request_with_two_lengths_is_refused() {
    let server = Running::start().await;
    for (fields, code) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "ambiguous_length"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "ambiguous_length"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "ambiguous_length"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "ambiguous_length"),
        ("Content-Length: 5, 5\r\n", "bad_content_length"),
        ("Transfer-Encoding: xchunked\r\n", "bad_transfer_encoding"),
        ("Transfer-Encoding:\u{b}chunked\r\n", "bad_header_line"),
        ("Transfer-Encoding : chunked\r\n", "bad_header_line"),
        ("X: 1\r\n Transfer-Encoding: chunked\r\n", "bad_header_line"),
        ("Host: other\r\n", "bad_host"),
    ] {
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{fields}\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = refused(&server, &request).await;
        assert_eq!(answer.status, 400, "{fields:?}");
        // The stand-in is no address of an API, so it is answered as a page.
        assert!(answer.header("x-request-id").is_some() && !answer.body.is_empty(), "{code}");
    }
}

#[tokio::test]
async fn bare_line_feeds_are_refused() {
    let server = Running::start().await;
    for request in [
        "GET /health/live HTTP/1.1\nHost: x\n\n",
        "GET /health/live HTTP/1.1\r\nHost: x\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: x\r\n\n",
    ] {
        let answer = refused(&server, request).await;
        assert_eq!(answer.status, 400, "{request:?}");
        assert!(answer.text().contains("CR LF"), "{}", answer.text());
    }
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused_while_the_client_still_sends() {
    let server = Running::start().await;
    let long_value = format!("GET /health/live HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(64 * 1024));
    assert_eq!(refused(&server, &long_value).await.status, 431);
    let never_ending = format!("GET /health/live HTTP/1.1\r\nHost: x\r\nA: {}", "a".repeat(64 * 1024));
    assert_eq!(refused(&server, &never_ending).await.status, 431);
    let many = format!("GET /health/live HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(150));
    assert_eq!(refused(&server, &many).await.status, 431);
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(10_000));
    assert_eq!(refused(&server, &long_line).await.status, 414);
}

#[tokio::test]
async fn a_bad_request_behind_good_ones_does_not_take_their_answers_with_it() {
    let server = Running::start().await;
    let body = r#"{"model":"m","messages":[{"content":"a"}]}"#;
    let good = Ask::post("/v1/chat/completions")
        .bearer(ALICE)
        .header("content-type", "application/json")
        .body(body)
        .bytes(true);
    let chunked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let bad = "GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    let mut connection = server.connect().await;
    connection.send([&good[..], chunked.as_bytes(), &good, bad.as_bytes()].concat()).await;
    for number in 0..3 {
        let answer = connection.answer().await;
        assert_eq!(answer.status, 200, "answer {number}: {}", answer.text());
    }
    assert_eq!(connection.answer().await.status, 400);
    assert!(connection.is_closed_within(SOON).await);
}

#[tokio::test]
async fn nothing_behind_a_refused_request_is_answered() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let bad =
        "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    let smuggled =
        Ask::post("/api/v1/notes/00000000-0000-0000-0000-000000000001/cancel").bearer(ALICE).bytes(true);
    connection.send([bad.as_bytes(), b"0\r\n\r\n", &smuggled].concat()).await;
    assert_eq!(connection.answer().await.status, 400);
    assert!(connection.is_closed_within(SOON).await);
    assert_eq!(*server.demo.changes.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_broken_chunk_ends_the_request() {
    let server = Running::start().await;
    for chunks in [
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5;ext=1\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "0\r\nTrailer: x\r\n\r\n",
    ] {
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        );
        let mut connection = server.connect().await;
        connection.send(request).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert_eq!(answer.json()["error"]["code"], "broken_body", "{chunks:?}");
        assert!(connection.is_closed_within(SOON).await, "{chunks:?}");
    }
}

#[tokio::test]
async fn a_client_cannot_pretend_to_be_a_refusal() {
    let server = Running::start().await;
    let answer = refused(&server, "REFUSED /head_too_large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(answer.status, 400, "refused for its own form, not as what it pretends");
}

#[tokio::test]
async fn what_the_parser_alone_finds_wrong_is_refused_as_well() {
    let server = Running::start().await;
    for request in [
        "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET x y HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut connection = server.connect().await;
        connection.send(request).await;
        assert_eq!(connection.answer().await.status, 400, "{request:?}");
    }
}

#[tokio::test]
async fn old_clients_are_answered_and_let_go() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection.send("GET /health/live HTTP/1.0\r\n\r\n").await;
    assert_eq!(connection.answer().await.text(), "ok\n");
    assert!(connection.is_closed_within(SOON).await);
}
