//! A server that computes every signature itself takes ours, and refuses a wrong key in a way that says so.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use gradus_store::blobs::{
    Blob, BlobError, BlobLocation, BlobStore, BucketOptions, UploadLedger, UploadTicket,
};

use crate::place::noise;
use crate::script::ScriptedServer;

fn options(server: &ScriptedServer) -> BucketOptions {
    BucketOptions {
        region: "eu-central-1".to_owned(),
        allow_http: true,
        largest_put_bytes: 5 << 20,
        ..server.options()
    }
}

async fn open(options: BucketOptions) -> BlobStore {
    BlobStore::open(&BlobLocation::parse("s3://strict/a/prefix", options).unwrap()).await.unwrap()
}

async fn put_file(blobs: &BlobStore, bytes: &[u8]) -> Result<Blob, BlobError> {
    let mut file = blobs.spool().create().await?;
    file.write(bytes).await?;
    blobs.put_spooled(file.finish().await?).await
}

#[derive(Debug)]
struct NoLedger;

#[async_trait]
impl UploadLedger for NoLedger {
    async fn record(&self, _: &UploadTicket) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    async fn forget(&self, _: &UploadTicket) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_is_signed_as_the_server_expects() {
    let Some(server) = ScriptedServer::start("strict_server.py") else { return };
    let blobs = open(options(&server)).await.with_upload_ledger(Arc::new(NoLedger));
    blobs.check().await.unwrap();
    let in_one = put_file(&blobs, &noise(1 << 20, "one")).await.unwrap();
    let in_parts = put_file(&blobs, &noise(6 << 20, "parts")).await.unwrap();
    let of_memory = blobs.put_bytes("small").await.unwrap();
    for blob in [in_one, in_parts, of_memory] {
        assert_eq!(blobs.verify(blob.hash).await.unwrap(), blob);
        assert!(blobs.contains(blob.hash).await.unwrap());
        blobs.open_range(blob.hash, 1..3).await.unwrap().into_bytes().await.unwrap();
    }
    assert_eq!(blobs.list().try_collect::<Vec<_>>().await.unwrap().len(), 3);
    blobs.delete(in_parts.hash).await.unwrap();
    assert!(!blobs.contains(in_parts.hash).await.unwrap());
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_the_reason_and_without_the_key() {
    let Some(server) = ScriptedServer::start("strict_server.py") else { return };
    let wrong = "wrong-but-still-nobody-elses".to_owned();
    let wrong_secret = BucketOptions { secret_access_key: Some(wrong.clone()), ..options(&server) };
    let blobs = open(wrong_secret).await;
    assert!(!format!("{blobs:?}").contains(&wrong));
    for error in [
        blobs.check().await.unwrap_err(),
        blobs.put_bytes("x").await.unwrap_err(),
        put_file(&blobs, b"x").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
        assert!(!error.is_transient());
        assert!(!format!("{error} {error:?}").contains(&wrong), "{error:?}");
    }
    let unknown_id = BucketOptions { access_key_id: Some("AKIANOBODY".to_owned()), ..options(&server) };
    let error = put_file(&open(unknown_id).await, b"x").await.unwrap_err();
    assert!(error.to_string().contains("InvalidAccessKeyId"), "{error}");
}
