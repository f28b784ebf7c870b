//! A server that runs out of file descriptors waits for some, and serves on.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use gradus_web::server::{ServerLimits, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Counts errors in the log.
#[derive(Clone, Default)]
struct Errors(Arc<AtomicUsize>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs the test below in a process of its own that may open few files.
#[cfg(unix)]
#[test]
fn running_out_of_files_slows_the_server_down_and_does_not_end_it() {
    let this = std::env::current_exe().unwrap();
    let test = ["--exact", "in_a_process_with_few_files", "--ignored", "--nocapture"];
    let ran =
        Command::new("sh").args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(this).args(test).output();
    let ran = ran.unwrap();
    let output = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && output.contains("1 passed"),
        "{output}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test]
#[ignore = "runs in the process that the test above starts"]
async fn in_a_process_with_few_files() {
    let errors = Errors::default();
    let _guard = tracing::subscriber::set_default(errors.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ServerLimits { exhaustion_pause: Duration::from_millis(50), ..ServerLimits::default() };
    let router = Router::new().fallback(async || "ok");
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));

    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(files.len() < 64, "the limit is in force");
    // One descriptor for the client, and none for the server's end.
    files.pop();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let tries = errors.0.load(Ordering::Relaxed);
    assert!((1..=7).contains(&tries), "{tries} tries in 300 ms with pauses of 50 ms");

    drop(files);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    shutdown.cancel();
    served.await.unwrap();
}
