//! Files that clients send (SECURITY 29, 32, 38).

use std::time::{Duration, Instant};

use gradus_web::server::ServerLimits;

use crate::asking::{Ask, form_with_file};
use crate::demo::MAX_FILE_BYTES;
use crate::people::ALICE;
use crate::running::Running;

const MIB: usize = 1024 * 1024;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|number| (number % 251) as u8).collect()
}

fn upload(file: &[u8], name: &str) -> Ask {
    let (kind, body) = form_with_file(file, name);
    Ask::post("/api/v1/files").bearer(ALICE).header("content-type", &kind).body(body)
}

fn raw_head(length: &str) -> String {
    format!(
        "PUT /api/v1/files/raw HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: application/octet-stream\r\n{length}\r\n\r\n"
    )
}

/// Waits until the spool has as many files as expected: the server hears of a cut connection in its own time.
async fn spool_has(server: &Running, files: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.spooled_files().len() != files {
        assert!(Instant::now() < deadline, "{:?}", server.spooled_files());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_file_in_a_form_arrives_as_it_was_sent_with_fields_on_both_sides() {
    let server = Running::start().await;
    let file = content(3 * MIB + 17);
    let answer = server.ask(upload(&file, "../../answers\u{202e}.csv")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["bytes"], file.len());
    assert_eq!(body["hash"], blake3::hash(&file).to_hex().to_string());
    assert_eq!(body["name"], "answers.csv");
    assert_eq!(body["fields"], serde_json::json!({ "before": "1", "after": "2" }));
    assert_eq!(server.spooled_files().len(), 0, "what nobody keeps is removed");
}

#[tokio::test]
async fn a_file_as_the_body_arrives_whole_or_in_chunks() {
    let server = Running::start().await;
    let file = content(MIB + 3);
    let ask =
        Ask::new("PUT", "/api/v1/files/raw").bearer(ALICE).header("content-type", "application/octet-stream");
    let answer = server.ask(ask.body(file.clone())).await;
    assert_eq!(answer.json()["hash"], blake3::hash(&file).to_hex().to_string());

    let mut chunked = server.connect().await;
    chunked.send(raw_head("Transfer-Encoding: chunked")).await;
    for part in file.chunks(100_000) {
        chunked.send([format!("{:X}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()).await;
    }
    chunked.send("0\r\n\r\n").await;
    let answer = chunked.answer().await;
    assert_eq!((answer.status, answer.json()["bytes"].as_u64()), (201, Some(file.len() as u64)));
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_a_byte_is_sent() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection.send(raw_head(&format!("Content-Length: {}", MAX_FILE_BYTES + 1))).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    assert_eq!(server.spooled_files().len(), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_refused_at_the_first_byte_too_many() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection.send(raw_head("Transfer-Encoding: chunked")).await;
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
    for _ in 0..limit / MIB {
        connection.send([format!("{MIB:x}\r\n").as_bytes(), &content(MIB), b"\r\n"].concat()).await;
    }
    // The whole limit has been sent, and the file goes on: one byte more is enough.
    connection.send("1\r\n!").await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    spool_has(&server, 0).await;
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_is_taken_and_one_byte_more_in_a_form_is_not() {
    let server = Running::start().await;
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
    assert_eq!(server.ask(upload(&content(limit), "a")).await.status, 201);
    // The form as a whole is within its own limit, so it is the file that is refused, once its last byte comes.
    let (kind, body) = form_with_file(&content(limit + 1), "a");
    let mut connection = server.connect().await;
    let ask = Ask::post("/api/v1/files").bearer(ALICE).header("content-type", &kind).body(body);
    let _ = connection.try_send(ask.bytes(true)).await;
    assert_eq!(connection.answer().await.status, 413);
    spool_has(&server, 0).await;
}

#[tokio::test]
async fn a_client_that_sends_on_after_the_refusal_is_not_reset() {
    let limits = ServerLimits { linger: Duration::from_secs(20), ..ServerLimits::default() };
    let server = Running::with_limits(limits).await;
    let mut connection = server.connect().await;
    connection.send(raw_head(&format!("Content-Length: {}", 8 * MAX_FILE_BYTES))).await;
    // More than the buffers of both sides hold: had the server just closed, sending would fail, and many
    // clients would not look for an answer then.
    for _ in 0..24 {
        connection.send(vec![0; MIB]).await;
    }
    assert_eq!(connection.answer().await.status, 413);
}

#[tokio::test]
async fn an_upload_cut_short_leaves_no_file() {
    let server = Running::start().await;
    let (kind, body) = form_with_file(&content(2 * MIB), "cut.pdf");
    let whole = Ask::post("/api/v1/files").bearer(ALICE).header("content-type", &kind).body(body).bytes(true);
    let mut with_length = Vec::new();
    for percent in [10, 50, 99] {
        let mut form = server.connect().await;
        form.send(&whole[..whole.len() * percent / 100]).await;
        let mut raw = server.connect().await;
        raw.send(raw_head(&format!("Content-Length: {}", 2 * MIB))).await;
        raw.send(vec![1; 2 * MIB * percent / 100]).await;
        with_length.extend([form, raw]);
    }
    spool_has(&server, 6).await;
    drop(with_length);
    spool_has(&server, 0).await;
}

#[tokio::test]
async fn a_form_that_ends_early_or_lacks_its_file_is_refused() {
    let server = Running::start().await;
    let (kind, body) = form_with_file(b"hello", "a.txt");
    let ask = |body: &[u8]| Ask::post("/api/v1/files").bearer(ALICE).header("content-type", &kind).body(body);
    let cut = server.ask(ask(&body[..body.len() - 40])).await;
    assert_eq!((cut.status, cut.code().as_str()), (400, "broken_body"));
    let text = String::from_utf8(body).unwrap();
    let without = server.ask(ask(text.replace("name=\"file\"", "name=\"other\"").as_bytes())).await;
    assert_eq!((without.status, without.code().as_str()), (400, "bad_form"));
    assert_eq!(without.json()["errors"][0]["field"], "body.file");
    let twice = server.ask(ask(text.replace("name=\"after\"", "name=\"before\"").as_bytes())).await;
    assert_eq!(twice.json()["errors"][0]["message"], "is there twice");
    let long = text.replace("\r\n\r\n1\r\n", &format!("\r\n\r\n{}\r\n", "a".repeat(70_000)));
    let long = server.ask(ask(long.as_bytes())).await;
    assert_eq!((long.status, long.json()["errors"][0]["field"].as_str()), (400, Some("body.before")));
    let no_boundary = Ask::post("/api/v1/files").bearer(ALICE).header("content-type", "multipart/form-data");
    let no_boundary = server.ask(no_boundary.body("x")).await;
    assert_eq!(no_boundary.status, 400);
    spool_has(&server, 0).await;
}

/// The head of a form that says nothing of its length, and then `body` in chunks until the server has enough.
async fn chunked_form(server: &Running, first: &str, part: &[u8], parts: usize) -> (u16, String) {
    let mut connection = server.connect().await;
    let head = format!(
        "POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:X}\r\n{first}\r\n",
        first.len()
    );
    connection.send(head).await;
    let chunk = [format!("{:X}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    for _ in 0..parts {
        if connection.try_send(&chunk).await.is_err() {
            break;
        }
    }
    let answer = connection.answer().await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_body_that_never_becomes_a_form_is_refused_long_before_its_end() {
    let server = Running::start().await;
    let part = vec![b'A'; 64 * 1024];
    let head = "--x\r\nContent-Disposition: form-data; name=\"";
    // No boundary at all, and a part whose head never ends. Read to its end, it would be too large instead.
    for first in ["A", head] {
        let refused = chunked_form(&server, first, &part, 2 * MAX_FILE_BYTES as usize / part.len()).await;
        assert_eq!(refused, (400, "bad_form".to_owned()), "{first}");
    }
    spool_has(&server, 0).await;
}

#[tokio::test]
async fn a_form_that_says_that_it_is_longer_than_its_file_may_be_is_not_read() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let head = format!(
        "POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
        MAX_FILE_BYTES + 1024 * 1024
    );
    connection.send(head).await;
    assert_eq!(connection.answer().await.status, 413, "before a byte of it is sent");
}

/// Kibibytes of memory that the process holds.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn fifty_uploads_of_ten_megabytes_at_once_take_little_memory() {
    let server = std::sync::Arc::new(Running::start().await);
    let before = resident_kib();
    let most = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let uploads = (0..50).map(|_| {
        let (server, most) = (server.clone(), most.clone());
        tokio::spawn(async move {
            let mut connection = server.connect().await;
            connection.send(raw_head(&format!("Content-Length: {}", 10 * MIB))).await;
            let part = vec![7; 64 * 1024];
            for _ in 0..10 * MIB / part.len() {
                connection.send(&part).await;
                most.fetch_max(resident_kib(), std::sync::atomic::Ordering::Relaxed);
            }
            connection.answer().await.status
        })
    });
    let uploads: Vec<_> = uploads.collect();
    for upload in uploads {
        assert_eq!(upload.await.unwrap(), 201);
    }
    let grown_kib = most.load(std::sync::atomic::Ordering::Relaxed).saturating_sub(before);
    assert!(grown_kib < 100 * 1024, "{grown_kib} KiB for 500 MB in flight");
    assert_eq!(server.spooled_files().len(), 0);
}
