//! Places for blobs that a test has to itself.

use std::path::PathBuf;

use gradus_store::blobs::{BlobHash, BlobLocation, BlobStore, BucketOptions};
use gradus_testkit::TestBucket;
use tempfile::TempDir;

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
