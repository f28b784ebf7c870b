//! What takes more than its share, breaks off, or looks for what is not there (SECURITY 38, 48, 49).

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::asking::{Ask, form_with_file};
use crate::each_database;
use crate::server::Server;

each_database!(
    an_upload_that_is_cut_short_leaves_neither_row_nor_file,
    fifty_starts_at_once_take_no_more_than_their_share_and_hold_nobody_up,
    what_nobody_put_there_is_not_there,
);

/// Every file that is stored or arriving.
fn stored(server: &Server) -> usize {
    fn count(directory: &Path) -> usize {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&server.directory.path().join("files"))
}

async fn an_upload_that_is_cut_short_leaves_neither_row_nor_file(server: &Server) {
    let alice = server.people.alice();
    let before = stored(server);
    let (kind, form) = form_with_file(&vec![b'x'; 500_000], "cut.pdf");
    let form = |path: &str| alice.post(path).header("content-type", &kind).body(form.clone()).bytes(true);
    let raw = alice.post("/api/v1/documents?name=cut.pdf&purpose=papers");
    let raw = raw.header("content-type", "application/octet-stream").body(vec![b'x'; 500_000]).bytes(true);
    let mut connections = Vec::new();
    for whole in [form("/api/v1/documents"), form("/v1/files"), raw] {
        for percent in [10, 50, 99] {
            let mut connection = server.connect().await;
            connection.send(&whole[..whole.len() * percent / 100]).await;
            connections.push(connection);
        }
    }
    let begun = Instant::now();
    while stored(server) < before + connections.len() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} arrive", stored(server) - before);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(connections);
    while stored(server) > before {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} stay", stored(server) - before);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.count(alice, "/api/v1/documents").await, 0);
}

async fn fifty_starts_at_once_take_no_more_than_their_share_and_hold_nobody_up(server: &Server) {
    let (alice, bob) = (server.people.alice(), server.people.bob());
    let conversations = server.document(alice, "conversations").await;
    let new =
        json!({ "name": "x", "base_model": "smollm2-135m-instruct", "training_document": conversations });
    let starts = join_all((0..50).map(|_| server.ask(alice.post("/api/v1/training-jobs").json(&new))));
    let looks = async {
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let begun = Instant::now();
            server.ok(bob.get("/api/v1/training-jobs")).await;
            longest = longest.max(begun.elapsed());
        }
        longest
    };
    let (started, longest) = tokio::join!(starts, looks);
    // The list says one second; here, the clients and the server share one thread of a debug build.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let made = started.iter().filter(|answer| answer.status == 201).count();
    let most = server.state.services.quotas.running_jobs;
    assert_eq!(made as u64, most);
    for refused in started.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.code().as_str()), (403, "quota_running_jobs"));
    }
    // Bob has a share of his own.
    server.training_job(bob).await;
}

async fn what_nobody_put_there_is_not_there(server: &Server) {
    let paths = [
        "/.git/config",
        "/.git/HEAD",
        "/.env",
        "/.well-known/x",
        "/debug",
        "/debug/pprof/",
        "/server-status",
        "/actuator/health",
        "/static/",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/docs/",
        "/docs",
        "/health",
        "/metrics/",
        "/gradus.db",
        "/files/",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/docs/../../../etc/passwd",
        "/api/docs/%2e%2e%2fetc%2fpasswd",
    ];
    for path in paths {
        for ask in [Ask::get(path), server.people.carol().get(path)] {
            let answer = server.ask(ask).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert!(!answer.text().contains("root:"), "{path}");
        }
    }
}
