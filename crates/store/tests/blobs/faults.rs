//! Servers that fail: none of S3 does so when it is asked to, so these answer by hand what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use gradus_store::blobs::{BlobError, BlobLocation, BlobStore, BucketOptions};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use gradus_testkit::SECRET;

use crate::place::noise;

/// The head of an answer, and its body.
type Answer = (&'static str, &'static str);

const STORED: Answer = ("200 OK\r\nETag: \"x\"", "");
const BUSY: Answer = ("503 Slow Down", "<Error><Code>SlowDown</Code></Error>");
const DENIED: Answer = ("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");

/// Answers one request a connection, in the order of a list; the last answer again and again.
struct Server {
    endpoint: String,
    bodies: Arc<Mutex<Vec<Body>>>,
}

/// What a request carried, and the hash of it that it was signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Body {
    bytes: Vec<u8>,
    sha256: String,
}

impl Body {
    fn of(bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, sha256 }
    }
}

impl Server {
    fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Ok(body) = read_body(&connection) else { continue };
                // Noted first: a client that has its answer may look at once.
                let number = seen.lock().map(|mut seen| {
                    seen.push(body);
                    seen.len() - 1
                });
                let (head, document) = answers[number.unwrap().min(answers.len() - 1)];
                let length = document.len();
                let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}");
                write!(connection, "{head}\r\n\r\n{document}").unwrap();
            }
        });
        Self { endpoint, bodies }
    }

    async fn blobs(&self) -> (BlobStore, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let options = BucketOptions {
            endpoint: Some(self.endpoint.clone()),
            access_key_id: Some("test".to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
            allow_http: true,
            ..BucketOptions::new(directory.path())
        };
        let location = BlobLocation::parse("s3://marks", options).unwrap();
        (BlobStore::open(&location).await.unwrap(), directory)
    }
}

fn read_body(connection: &TcpStream) -> std::io::Result<Body> {
    let mut reader = BufReader::new(connection);
    let (mut length, mut sha256) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if let Some(value) = line.strip_prefix("x-amz-content-sha256: ") {
            sha256 = value.to_owned();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(Body { bytes, sha256 })
}

async fn put(blobs: &BlobStore, bytes: &[u8]) -> Result<(), BlobError> {
    let mut file = blobs.spool().create().await?;
    file.write(bytes).await?;
    blobs.put_spooled(file.finish().await?).await.map(drop)
}

#[tokio::test]
async fn a_file_is_sent_whole_again_to_a_server_that_was_busy() {
    let server = Server::start(&[BUSY, STORED]);
    let (blobs, _spool) = server.blobs().await;
    let bytes = noise(1_000_000, "again");
    put(&blobs, &bytes).await.unwrap();
    // The hash lets a server refuse bytes that changed on the way.
    let body = Body::of(bytes);
    assert_eq!(*server.bodies.lock().unwrap(), [body.clone(), body]);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_told_as_something_that_passes() {
    let server = Server::start(&[BUSY]);
    let (blobs, _spool) = server.blobs().await;
    let error = put(&blobs, b"x").await.unwrap_err();
    assert!(error.to_string().contains("SlowDown"), "{error}");
    assert!(error.is_transient());
    assert_eq!(server.bodies.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_refuses_is_asked_once() {
    let server = Server::start(&[DENIED]);
    let (blobs, _spool) = server.blobs().await;
    let error = put(&blobs, b"x").await.unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    assert!(!error.is_transient());
    assert!(!format!("{error:?}").contains(SECRET));
    assert_eq!(server.bodies.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_the_reason_and_as_something_that_passes() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server { endpoint: format!("http://{closed}"), bodies: Arc::default() };
    let (blobs, _spool) = server.blobs().await;
    for error in [put(&blobs, b"x").await.unwrap_err(), blobs.check().await.unwrap_err()] {
        assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
        assert!(error.is_transient(), "{error}");
    }
}
