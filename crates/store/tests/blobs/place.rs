//! Places for blobs that a test has to itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use gradus_store::blobs::{BlobHash, BlobLocation, BlobStore, BucketOptions};
use tempfile::TempDir;

/// Keys that the test server does not look at.
pub(crate) const SECRET: &str = "a-secret-of-these-tests";

/// An empty place, and what is needed to look behind it.
pub(crate) struct Place {
    pub(crate) blobs: BlobStore,
    pub(crate) location: BlobLocation,
    pub(crate) directory: TempDir,
    pub(crate) bucket: Option<TestBucket>,
}

impl Place {
    pub(crate) async fn directory() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = BlobLocation::Directory(directory.path().join("place"));
        let blobs = BlobStore::open(&location).await.unwrap();
        Self { blobs, location, directory, bucket: None }
    }

    /// A bucket, if there is a server.
    pub(crate) async fn bucket() -> Option<Self> {
        Self::bucket_with(|options| options).await
    }

    pub(crate) async fn bucket_with(change: impl FnOnce(BucketOptions) -> BucketOptions) -> Option<Self> {
        let bucket = TestBucket::new()?;
        let directory = tempfile::tempdir().unwrap();
        let options = change(bucket.options(directory.path().join("spool")));
        let location = BlobLocation::parse(&format!("s3://{}/a/prefix", bucket.name), options).unwrap();
        let blobs = BlobStore::open(&location).await.unwrap();
        Some(Self { blobs, location, directory, bucket: Some(bucket) })
    }

    /// A directory, and a bucket if there is a server.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self::directory().await];
        all.extend(Self::bucket().await);
        all
    }

    /// Replaces the content of a blob behind the store's back.
    pub(crate) fn overwrite(&self, hash: BlobHash, content: &[u8]) {
        match &self.bucket {
            Some(bucket) => {
                let hex = hash.to_string();
                let key = format!("a/prefix/{}/{}/{hex}", &hex[..2], &hex[2..4]);
                let answer = bucket.request("PUT", &key, content);
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
            None => std::fs::write(self.blob_path(hash), content).unwrap(),
        }
    }

    /// Where a directory keeps a blob.
    pub(crate) fn blob_path(&self, hash: BlobHash) -> PathBuf {
        let hex = hash.to_string();
        let root = self.directory.path().join("place").join("blobs");
        root.join(&hex[..2]).join(&hex[2..4]).join(hex)
    }

    /// How many files lie in the spool, beside locks.
    pub(crate) fn spooled(&self) -> usize {
        let spool = match &self.location {
            BlobLocation::Directory(place) => place.join("spool"),
            BlobLocation::Bucket(_) => self.directory.path().join("spool"),
        };
        let directories = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
        let files = directories.flat_map(|directory| std::fs::read_dir(directory).unwrap());
        files.filter(|entry| entry.as_ref().unwrap().file_name() != "lock").count()
    }
}

/// A bucket of the test server.
pub(crate) struct TestBucket {
    pub(crate) endpoint: String,
    pub(crate) name: String,
}

impl TestBucket {
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let endpoint = gradus_testkit::given::s3()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let bucket = Self { endpoint, name: format!("gradus-blobs-{}-{number}", std::process::id()) };
        let answer = bucket.request("PUT", "", b"");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Some(bucket)
    }

    pub(crate) fn options(&self, spool: PathBuf) -> BucketOptions {
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
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> String {
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
    pub(crate) fn open_uploads(&self) -> usize {
        let answer = self.request("GET", "?uploads", b"");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.matches("<UploadId>").count()
    }
}

/// Bytes that no other seed gives, and that no compression shortens.
pub(crate) fn noise(bytes: usize, seed: &str) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    let hasher = blake3_of(seed);
    hasher.finalize_xof().fill(&mut noise);
    noise
}

fn blake3_of(seed: &str) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed.as_bytes());
    hasher
}
