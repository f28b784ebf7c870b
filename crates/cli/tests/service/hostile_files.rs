//! Files that mean harm, sent through the server as anyone may send them (SECURITY 29 to 34): each is answered in time,
//! nobody else notices, nothing of another machine or of this one's own files is read, and nothing is left behind.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gradus_testkit::{Kind, on_each_database};

use crate::asking::Ask;
use crate::hostile;
use crate::server::Server;

on_each_database!(hostile_files_harm_nobody);

/// What the list allows each file.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much more memory server and workers may have taken afterwards.
const MOST_GROWTH_BYTES: u64 = 512 << 20;

/// A listener that nobody is to speak to, and how many did.
struct Canary {
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/canary", listener.local_addr().unwrap());
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = visits.clone();
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, visits }
    }
}

/// Sends a file, and waits until it is read or rejected: its state, and its text where it has one.
async fn read(server: &Server, token: &str, name: &str, bytes: Vec<u8>) -> (String, String) {
    let path = format!("/api/v1/documents?name={name}&purpose=guide");
    let ask = Ask::post(&path).bearer(token).header("content-type", "application/octet-stream").body(bytes);
    let begun = Instant::now();
    let sent = server.ask(ask).await;
    if sent.status != 201 {
        assert!((400..500).contains(&sent.status), "{name}: {}", sent.text());
        return ("refused".to_owned(), String::new());
    }
    let path = format!("/api/v1/documents/{}", sent.json()["id"].as_str().unwrap());
    loop {
        let shown = server.ask(Ask::get(&path).bearer(token)).await.json();
        let state = shown["state"].as_str().unwrap().to_owned();
        if state == "ready" || state == "rejected" {
            assert!(state == "ready" || !shown["failure"]["message"].as_str().unwrap().is_empty(), "{shown}");
            let text = server.ask(Ask::get(&format!("{path}/text")).bearer(token)).await.text();
            return (state, text);
        }
        assert!(begun.elapsed() < PATIENCE, "{name} is {state} after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long probes take while `work` goes on.
async fn probed<T>(server: &Server, work: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let mut times = Vec::new();
    let mut work = std::pin::pin!(work);
    loop {
        let probe = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let begun = Instant::now();
            assert_eq!(server.ask(Ask::get("/health/live")).await.status, 200);
            begun.elapsed()
        };
        let mut probe = std::pin::pin!(probe);
        let done = tokio::select! {
            done = &mut work => Some(done),
            took = &mut probe => { times.push(took); None }
        };
        if let Some(done) = done {
            return (done, times);
        }
    }
}

async fn hostile_files_harm_nobody(kind: Kind) {
    let Some(server) = Server::start(kind).await else { return };
    let token = server.token().await;
    let canary = Canary::new();
    read(&server, &token, "guide.md", hostile::GUIDE.to_vec()).await;
    let before = server.resident_bytes();
    let attack = async {
        for (name, bytes) in hostile::files(&canary.address) {
            let (state, text) = read(&server, &token, name, bytes).await;
            assert_eq!(state == "ready", hostile::ARE_READ.contains(&name), "{name} is {state}");
            assert!(!text.contains("root:") && !text.contains("lollol"), "{name}: {text}");
        }
    };
    let ((), mut times) = probed(&server, attack).await;
    times.sort_unstable();
    let slow = times[times.len() * 99 / 100];
    assert!(slow <= Duration::from_millis(250), "of {} probes, one in a hundred takes {slow:?}", times.len());
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown <= MOST_GROWTH_BYTES, "{grown} bytes more");
    assert_eq!(canary.visits.load(Ordering::Relaxed), 0);
    assert!(!std::path::Path::new("/tmp/zipslip-was-here.txt").exists());
    let (state, text) = read(&server, &token, "guide.md", hostile::GUIDE.to_vec()).await;
    assert!(state == "ready" && text.contains("chlorophyll"), "{state}: {text}");
    assert_eq!(server.files_at_work(), Vec::<std::path::PathBuf>::new());
    server.end().await;
}
