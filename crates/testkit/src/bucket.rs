//! A bucket of a test's own, on the S3 server that `cargo xtask test` starts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use gradus_store::blobs::BucketOptions;

use crate::given;

/// A key that the test server does not look at.
pub const SECRET: &str = "a-secret-of-these-tests";

/// A bucket of the test server.
pub struct TestBucket {
    /// The server's address.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
}

impl TestBucket {
    /// An empty one; none where there is no server, which is said once.
    pub fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let endpoint = given::s3()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let bucket = Self { endpoint, name: format!("gradus-blobs-{}-{number}", std::process::id()) };
        let answer = bucket.request("PUT", "", b"");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Some(bucket)
    }

    /// How it is opened by a process whose incoming bytes are gathered in `spool`.
    pub fn options(&self, spool: PathBuf) -> BucketOptions {
        BucketOptions {
            endpoint: Some(self.endpoint.clone()),
            access_key_id: Some("test".to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
            allow_http: true,
            ..BucketOptions::new(spool)
        }
    }

    /// What the server answers to a request made by hand; `path` may have a query. The server looks at whose
    /// key it is, and not at the signature.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> String {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let mut server = TcpStream::connect(host).unwrap();
        let name = &self.name;
        let length = body.len();
        write!(
            server,
            "{method} /{name}/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        server.write_all(body).unwrap();
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// How many uploads in parts the server keeps open.
    pub fn open_uploads(&self) -> usize {
        let answer = self.request("GET", "?uploads", b"");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.matches("<UploadId>").count()
    }
}
