//! Uploads in parts: whole in the end, and never forgotten on the server.

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gradus_store::blobs::{BlobError, BucketOptions, UploadLedger, UploadTicket};
use tokio::sync::Notify;

use crate::place::{Place, noise};

const MIB: usize = 1 << 20;

/// Notes in memory; fails or stops where a test wants it to.
#[derive(Debug, Default)]
struct Ledger {
    open: Mutex<Vec<UploadTicket>>,
    noted: Notify,
    fails: bool,
    stops: bool,
}

#[async_trait]
impl UploadLedger for Ledger {
    async fn record(&self, ticket: &UploadTicket) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.fails {
            return Err("the database is gone".into());
        }
        self.open.lock().unwrap().push(ticket.clone());
        self.noted.notify_one();
        if self.stops {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn forget(&self, ticket: &UploadTicket) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.open.lock().unwrap().retain(|open| open != ticket);
        Ok(())
    }
}

/// A bucket whose server takes the smallest requests that S3 allows for.
async fn small_requests() -> Option<Place> {
    let change = |options| BucketOptions { largest_put_bytes: 5 * MIB as u64, ..options };
    Place::bucket_with(change).await
}

fn with(place: &mut Place, ledger: Ledger) -> Arc<Ledger> {
    let ledger = Arc::new(ledger);
    place.blobs = place.blobs.clone().with_upload_ledger(Arc::clone(&ledger) as Arc<dyn UploadLedger>);
    ledger
}

#[tokio::test]
async fn what_one_request_cannot_hold_is_sent_in_parts() {
    let Some(mut place) = small_requests().await else { return };
    let ledger = with(&mut place, Ledger::default());
    for length in [5 * MIB, 5 * MIB + 1, 10 * MIB, 12 * MIB] {
        let bytes = noise(length, "parts");
        let blob = place.blobs.put_bytes(bytes.clone()).await.unwrap();
        assert_eq!(place.blobs.read(blob.hash).await.unwrap(), bytes);
    }
    assert!(ledger.open.lock().unwrap().is_empty());
    assert_eq!(place.bucket.unwrap().open_uploads(), 0);
}

#[tokio::test]
async fn without_a_ledger_nothing_is_sent_in_parts() {
    let Some(place) = small_requests().await else { return };
    let error = place.blobs.put_bytes(noise(6 * MIB, "parts")).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { bytes: 6_291_456, limit: 5_242_880 }), "{error:?}");
    assert_eq!(place.bucket.as_ref().unwrap().open_uploads(), 0);
    assert_eq!(place.spooled(), 0);
}

#[tokio::test]
async fn an_upload_that_cannot_be_noted_is_not_begun() {
    let Some(mut place) = small_requests().await else { return };
    with(&mut place, Ledger { fails: true, ..Ledger::default() });
    let error = place.blobs.put_bytes(noise(6 * MIB, "parts")).await.unwrap_err();
    assert!(error.to_string().contains("the database is gone"), "{error}");
    assert!(error.is_transient());
    assert_eq!(place.bucket.unwrap().open_uploads(), 0);
}

#[tokio::test]
async fn an_upload_that_was_cut_off_is_ended_by_its_ticket_and_may_be_ended_again() {
    let Some(mut place) = small_requests().await else { return };
    let ledger = with(&mut place, Ledger { stops: true, ..Ledger::default() });
    let blobs = place.blobs.clone();
    let upload = tokio::spawn(async move { blobs.put_bytes(noise(6 * MIB, "parts")).await });
    ledger.noted.notified().await;
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());

    let bucket = place.bucket.as_ref().unwrap();
    assert_eq!(bucket.open_uploads(), 1);
    let ticket = ledger.open.lock().unwrap().pop().unwrap();
    let remembered = serde_json::from_str(&serde_json::to_string(&ticket).unwrap()).unwrap();
    assert_eq!(ticket, remembered);
    place.blobs.abort_upload(&remembered).await.unwrap();
    assert_eq!(bucket.open_uploads(), 0);
    place.blobs.abort_upload(&remembered).await.unwrap();
}

#[tokio::test]
async fn a_directory_has_no_uploads_to_end() {
    let place = Place::directory().await;
    let ticket = UploadTicket { key: "x".to_owned(), upload_id: "y".to_owned() };
    place.blobs.abort_upload(&ticket).await.unwrap();
}
