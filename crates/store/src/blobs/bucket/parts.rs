//! Uploads in several parts, for what one request cannot hold. The server keeps the parts of an upload that
//! was cut off until somebody tells it not to, so each upload is noted in a ledger before its first part.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Bucket, FilePart, Refusal};
use crate::blobs::location::SMALLEST_PART_BYTES;
use crate::blobs::{BlobError, SpooledBlob};

/// S3 takes at most so many parts.
const MOST_PARTS: u64 = 10_000;
/// What is sent anew when a part fails.
const USUAL_PART_BYTES: u64 = 512 << 20;

/// Names an upload in parts, so that it can be ended by somebody else: see
/// [`BlobStore::abort_upload`](crate::blobs::BlobStore::abort_upload).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UploadTicket {
    /// The key in the bucket that is being written.
    pub key: String,
    /// The server's name for the upload.
    pub upload_id: String,
}

/// Where uploads in parts are noted, in a way that outlives the process that sends them.
#[async_trait]
pub trait UploadLedger: fmt::Debug + Send + Sync {
    /// Notes an upload whose first part is about to be sent. When this returns, the note must survive the
    /// end of the process.
    ///
    /// # Errors
    /// When it could not be noted; the upload is then not begun.
    async fn record(&self, ticket: &UploadTicket) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Removes the note of an upload that has ended.
    ///
    /// # Errors
    /// When it could not be removed; ending the upload once more then does no harm.
    async fn forget(&self, ticket: &UploadTicket) -> Result<(), Box<dyn Error + Send + Sync>>;
}

impl Bucket {
    /// Sends a file part by part, one after the other. A failure ends the upload where the server can be
    /// reached; the note stays where it cannot.
    pub(super) async fn upload_in_parts(&self, spooled: &SpooledBlob, key: &Path) -> Result<(), BlobError> {
        let bytes = spooled.blob().bytes;
        let Some(ledger) = &self.ledger else {
            return Err(BlobError::TooLarge { bytes, limit: self.largest_put_bytes });
        };
        let failed = BlobError::objects("begin to store a blob in parts");
        let upload_id = self.objects.create_multipart(key).await.map_err(failed)?;
        let ticket = UploadTicket { key: key.to_string(), upload_id };
        if let Err(source) = ledger.record(&ticket).await {
            // Nothing remembers it, so it has to end here.
            self.abort(&ticket).await?;
            return Err(BlobError::Ledger { source });
        }
        let sent = self.send_parts(spooled, key, &ticket).await;
        if sent.is_err() {
            self.abort(&ticket).await.inspect_err(|error| {
                tracing::warn!(%error, key = ticket.key, "an unfinished upload stays until it is ended");
            })?;
        }
        if let Err(error) = ledger.forget(&ticket).await {
            tracing::warn!(%error, key = ticket.key, "a finished upload stays noted until it is ended again");
        }
        sent
    }

    /// Ends an upload that nobody will finish.
    pub(in crate::blobs) async fn abort(&self, ticket: &UploadTicket) -> Result<(), BlobError> {
        let key = Path::from(ticket.key.as_str());
        match self.objects.abort_multipart(&key, &ticket.upload_id).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobError::objects("end an unfinished upload")(error)),
        }
    }

    async fn send_parts(
        &self,
        spooled: &SpooledBlob,
        key: &Path,
        ticket: &UploadTicket,
    ) -> Result<(), BlobError> {
        let mut sent = Vec::new();
        for (number, (start, bytes)) in (1..).zip(cut(spooled.blob().bytes, self.largest_put_bytes)) {
            let url = self.part_url(ticket, number)?;
            let part = FilePart { path: spooled.path(), start, bytes };
            sent.push(PartId { content_id: self.send(url.as_str(), &part).await? });
        }
        let completed = self.objects.complete_multipart(key, &ticket.upload_id, sent).await;
        completed.map(drop).map_err(BlobError::objects("finish storing a blob in parts"))
    }

    fn part_url(&self, ticket: &UploadTicket, number: usize) -> Result<Url, BlobError> {
        let url = Url::parse(&format!("{}/{}", self.url, ticket.key));
        let mut url = url.map_err(|error| BlobError::Place {
            action: "store a blob",
            refusal: Refusal::because(error.to_string()),
        })?;
        url.query_pairs_mut()
            .append_pair("partNumber", &number.to_string())
            .append_pair("uploadId", &ticket.upload_id);
        Ok(url)
    }
}

/// The parts of that many bytes as starts and lengths: equal but for the last, and not more than allowed.
fn cut(bytes: u64, largest: u64) -> impl Iterator<Item = (u64, u64)> {
    let usual = USUAL_PART_BYTES.min(largest).max(SMALLEST_PART_BYTES);
    let part = usual.max(bytes.div_ceil(MOST_PARTS));
    (0..bytes.div_ceil(part)).map(move |number| {
        let start = number * part;
        (start, part.min(bytes - start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn parts_follow_one_another_and_the_last_is_what_remains() {
        let parts: Vec<_> = cut(12 * MIB, 5 * MIB).collect();
        assert_eq!(parts, [(0, 5 * MIB), (5 * MIB, 5 * MIB), (10 * MIB, 2 * MIB)]);
    }

    #[test]
    fn a_blob_that_ends_with_a_part_has_no_empty_one() {
        assert_eq!(cut(10 * MIB, 5 * MIB).count(), 2);
    }

    #[test]
    fn parts_are_half_a_gibibyte_and_grow_before_there_are_too_many() {
        assert_eq!(cut(6 * GIB, 5 * GIB).count(), 12);
        let of_the_largest: Vec<_> = cut(50_000 * GIB / 10, 5 * GIB).collect();
        assert!(of_the_largest.len() as u64 <= MOST_PARTS);
        assert_eq!(of_the_largest.iter().map(|(_, bytes)| bytes).sum::<u64>(), 5_000 * GIB);
    }
}
