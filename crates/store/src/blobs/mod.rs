//! Blobs: bytes that are found by what they are. A blob's key is the BLAKE3 hash of its content, so writing is
//! idempotent and damage is seen. Knows nothing of rows: what a blob is for, the database remembers.

mod bucket;
mod copy;
mod directory;
mod error;
mod hash;
mod listing;
mod location;
mod reader;
mod spool;
mod spool_file;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

pub use bucket::{Refusal, UploadLedger, UploadTicket};
pub use error::BlobError;
pub use hash::{BlobHash, InvalidHash};
pub use listing::{ListedBlob, Listing};
pub use location::{BlobLocation, BucketLocation, BucketOptions};
pub use reader::BlobReader;
pub use spool::Spool;
pub use spool_file::{SpoolFile, SpooledBlob};

use bucket::Bucket;
use directory::Directory;
use spool_file::read_into;

/// A blob that is stored: everything a row needs to find it and to say how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blob {
    /// The hash of its content, which is its key.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Where blobs are kept: a directory or a bucket. Cheap to clone; clones share connections and the spool.
#[derive(Debug, Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    /// What precedes a blob's own key, with a slash at its end, or nothing.
    prefix: String,
    place: Place,
    spool: Spool,
}

/// How the two kinds of places take a file in; everything else they do alike.
#[derive(Debug, Clone)]
enum Place {
    Directory(Directory),
    Bucket(Arc<Bucket>),
}

impl BlobStore {
    /// Opens the place, makes the directories that it needs, and removes from its spool what dead processes
    /// left there. A bucket is not asked yet: see [`BlobStore::check`].
    ///
    /// # Errors
    /// When a directory cannot be made or written to, or the options of a bucket contradict each other.
    pub async fn open(location: &BlobLocation) -> Result<Self, BlobError> {
        match location {
            BlobLocation::Directory(root) => {
                let directory = Directory::open(root).await?;
                let spool = Spool::open(root.join("spool")).await?;
                let objects = LocalFileSystem::new_with_prefix(directory.root())
                    .map_err(BlobError::objects("open the directory"))?;
                let place = Place::Directory(directory);
                Ok(Self { objects: Arc::new(objects), prefix: String::new(), place, spool })
            }
            BlobLocation::Bucket(location) => {
                let bucket = Bucket::open(location)?;
                let spool = Spool::open_volatile(&location.options.spool).await?;
                let prefix = match location.prefix.as_str() {
                    "" => String::new(),
                    prefix => format!("{prefix}/"),
                };
                Ok(Self { objects: bucket.objects(), prefix, place: Place::Bucket(Arc::new(bucket)), spool })
            }
        }
    }

    /// The same store, which notes uploads in several parts with `ledger` before it sends the first part.
    /// Without a ledger such uploads are refused. A directory has none.
    pub fn with_upload_ledger(mut self, ledger: Arc<dyn UploadLedger>) -> Self {
        if let Place::Bucket(bucket) = &self.place {
            self.place = Place::Bucket(Arc::new(bucket.with_ledger(ledger)));
        }
        self
    }

    /// Asks the place for the first blob it has, so that a wrong key or a missing bucket is seen at once.
    ///
    /// # Errors
    /// What the directory or the bucket answers.
    pub async fn check(&self) -> Result<(), BlobError> {
        let prefix = object_store::path::Path::from(self.prefix.trim_end_matches('/'));
        let first = self.objects.list(Some(&prefix)).try_next().await;
        first.map(drop).map_err(BlobError::objects("list blobs"))
    }

    /// Where bytes are written whose hash is not known yet.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Stores what was spooled. A blob that is there already is replaced by the same bytes, which repairs it
    /// where it was damaged. When this returns, the blob survives a power cut.
    ///
    /// # Errors
    /// When the directory cannot be written, or the bucket refuses; nothing is left behind but what the
    /// ledger knows of.
    pub async fn put_spooled(&self, spooled: SpooledBlob) -> Result<Blob, BlobError> {
        let blob = spooled.blob();
        match &self.place {
            Place::Directory(directory) => directory.take(spooled).await?,
            Place::Bucket(bucket) => bucket.upload(&spooled, &self.key(blob.hash)).await?,
        }
        Ok(blob)
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    /// As [`BlobStore::put_spooled`].
    pub async fn put_bytes(&self, bytes: impl Into<Bytes> + Send) -> Result<Blob, BlobError> {
        let bytes = bytes.into();
        if let Place::Bucket(bucket) = &self.place
            && bucket.takes_in_one(bytes.len())
        {
            let blob = Blob { hash: BlobHash::of(&bytes), bytes: bytes.len() as u64 };
            bucket.put(&self.key(blob.hash), bytes).await?;
            return Ok(blob);
        }
        let mut file = self.spool.create().await?;
        file.write(&bytes).await?;
        self.put_spooled(file.finish().await?).await
    }

    /// Stores a copy of a file; the file stays where it is.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`BlobStore::put_spooled`].
    pub async fn put_path(&self, path: &Path) -> Result<Blob, BlobError> {
        let source = tokio::fs::File::open(path).await.map_err(BlobError::file("read", path))?;
        let mut file = self.spool.create().await?;
        read_into(&mut file, source, path).await?;
        self.put_spooled(file.finish().await?).await
    }

    /// Reads a whole blob. Its content is checked on the way: the last chunk is given only once the hash of
    /// all is right, so whoever has received every byte has the right ones.
    ///
    /// # Errors
    /// When the blob is missing or the place cannot be read; the stream ends with an error where the blob is
    /// damaged.
    pub async fn open_reader(&self, hash: BlobHash) -> Result<BlobReader, BlobError> {
        let found = self.objects.get(&self.key(hash)).await.map_err(BlobError::reading(hash))?;
        Ok(BlobReader::verified(hash, found))
    }

    /// Reads a part of a blob, from `range.start` up to and without `range.end`. A part cannot be checked
    /// against the hash of the whole.
    ///
    /// # Errors
    /// When the blob is missing, does not reach that far, or cannot be read.
    pub async fn open_range(&self, hash: BlobHash, range: Range<u64>) -> Result<BlobReader, BlobError> {
        let bytes = self.bytes_of(hash).await?.ok_or(BlobError::Missing { hash })?;
        if range.start > range.end || range.end > bytes {
            return Err(BlobError::OutOfRange { hash, bytes, start: range.start, end: range.end });
        }
        if range.is_empty() {
            return Ok(BlobReader::empty());
        }
        let options = object_store::GetOptions { range: Some(range.into()), ..Default::default() };
        let found =
            self.objects.get_opts(&self.key(hash), options).await.map_err(BlobError::reading(hash))?;
        Ok(BlobReader::unverified(hash, found))
    }

    /// Reads a whole blob into memory: for small ones.
    ///
    /// # Errors
    /// As [`BlobStore::open_reader`].
    pub async fn read(&self, hash: BlobHash) -> Result<Bytes, BlobError> {
        self.open_reader(hash).await?.into_bytes().await
    }

    /// Writes a blob to a file, replacing what is there, all at once and only if the blob is undamaged. When
    /// this returns, the file survives a power cut.
    ///
    /// # Errors
    /// As [`BlobStore::open_reader`], and when the file cannot be written.
    pub async fn copy_to_path(&self, hash: BlobHash, path: &Path) -> Result<Blob, BlobError> {
        let reader = self.open_reader(hash).await?;
        let bytes = copy::write_aside(reader, path).await?;
        Ok(Blob { hash, bytes })
    }

    /// Reads a whole blob and checks it.
    ///
    /// # Errors
    /// When it is missing, damaged or cannot be read.
    pub async fn verify(&self, hash: BlobHash) -> Result<Blob, BlobError> {
        let mut reader = self.open_reader(hash).await?;
        let bytes = reader.bytes();
        while reader.try_next().await?.is_some() {}
        Ok(Blob { hash, bytes })
    }

    /// Whether a blob of that hash is there. Its content is not read.
    ///
    /// # Errors
    /// When the place cannot be asked.
    pub async fn contains(&self, hash: BlobHash) -> Result<bool, BlobError> {
        Ok(self.bytes_of(hash).await?.is_some())
    }

    /// Removes a blob; one that is missing already is as good as removed.
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn delete(&self, hash: BlobHash) -> Result<(), BlobError> {
        match self.objects.delete(&self.key(hash)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobError::objects("delete a blob")(error)),
        }
    }

    /// Everything that is there, blob or not, in no order: for checks.
    pub fn list(&self) -> Listing {
        listing::list(&self.objects, &self.prefix)
    }

    /// Ends an upload that its process did not: what it had sent of its parts is discarded. One that has
    /// ended already, either way, is success. A directory has no such uploads.
    ///
    /// # Errors
    /// When the bucket refuses.
    pub async fn abort_upload(&self, ticket: &UploadTicket) -> Result<(), BlobError> {
        match &self.place {
            Place::Directory(_) => Ok(()),
            Place::Bucket(bucket) => bucket.abort(ticket).await,
        }
    }

    async fn bytes_of(&self, hash: BlobHash) -> Result<Option<u64>, BlobError> {
        match self.objects.head(&self.key(hash)).await.map_err(BlobError::reading(hash)) {
            Ok(found) => Ok(Some(found.size)),
            Err(BlobError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn key(&self, hash: BlobHash) -> object_store::path::Path {
        object_store::path::Path::from(format!("{}{}", self.prefix, hash.key()))
    }
}
