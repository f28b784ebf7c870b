//! A bucket of a server that speaks S3. A blob is sent from its spooled file in one request, so that an upload
//! that is cut off leaves nothing behind; only what one request cannot hold is sent in parts.

mod parts;
mod refusal;
mod send;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};

use super::location::BucketLocation;
use super::{BlobError, SpooledBlob};
pub use parts::{UploadLedger, UploadTicket};
pub use refusal::Refusal;
use send::FilePart;
use transport::{Connector, Transport};

/// How often a request that failed for a passing reason is made again, and the longest wait before it.
const RETRIES: usize = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A bucket, and what is needed to send it files.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    objects: Arc<AmazonS3>,
    transport: Transport,
    /// The bucket's address, without a slash at its end.
    url: String,
    region: String,
    largest_put_bytes: u64,
    ledger: Option<Arc<dyn UploadLedger>>,
}

impl Bucket {
    pub(super) fn open(location: &BucketLocation) -> Result<Self, BlobError> {
        let options = &location.options;
        let endpoint = options.endpoint();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&location.bucket)
            .with_region(&options.region)
            .with_endpoint(&endpoint)
            .with_allow_http(options.allow_http)
            .with_retry(retries())
            .with_disable_bulk_delete(true)
            .with_http_connector(Connector);
        if let (Some(id), Some(secret)) = (&options.access_key_id, &options.secret_access_key) {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        if let Some(token) = &options.session_token {
            builder = builder.with_token(token);
        }
        let objects = builder.build().map_err(BlobError::objects("open the bucket"))?;
        let transport = Transport::new(options.allow_http)
            .map_err(|refusal| BlobError::Place { action: "open the bucket", refusal })?;
        Ok(Self {
            objects: Arc::new(objects),
            transport,
            url: format!("{endpoint}/{}", location.bucket),
            region: options.region.clone(),
            largest_put_bytes: options.largest_put_bytes,
            ledger: None,
        })
    }

    pub(super) fn with_ledger(&self, ledger: Arc<dyn UploadLedger>) -> Self {
        Self { ledger: Some(ledger), ..self.clone() }
    }

    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects) as Arc<dyn ObjectStore>
    }

    /// Whether one request can hold that many bytes.
    pub(super) fn takes_in_one(&self, bytes: usize) -> bool {
        bytes as u64 <= self.largest_put_bytes
    }

    /// Stores bytes that are in memory, in one request.
    pub(super) async fn put(&self, key: &Path, bytes: Bytes) -> Result<(), BlobError> {
        let stored = self.objects.put(key, PutPayload::from_bytes(bytes)).await;
        stored.map(drop).map_err(BlobError::objects("store a blob"))
    }

    /// Sends a spooled file; memory stays flat, however long it is.
    pub(super) async fn upload(&self, spooled: &SpooledBlob, key: &Path) -> Result<(), BlobError> {
        let bytes = spooled.blob().bytes;
        if bytes > self.largest_put_bytes {
            return self.upload_in_parts(spooled, key).await;
        }
        let whole = FilePart { path: spooled.path(), start: 0, bytes };
        self.send(&format!("{}/{key}", self.url), &whole).await.map(drop)
    }
}

fn retries() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: LONGEST_WAIT, base: 4. };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: Duration::from_secs(60) }
}
