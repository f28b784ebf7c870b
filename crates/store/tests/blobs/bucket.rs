//! A bucket that cannot be used says why, and never with the key.

use gradus_store::blobs::{BlobError, BlobHash, BlobLocation, BlobStore, BucketOptions};

use gradus_testkit::SECRET;

use crate::place::Place;

async fn open(place: &str, options: BucketOptions) -> BlobStore {
    BlobStore::open(&BlobLocation::parse(place, options).unwrap()).await.unwrap()
}

fn assert_hides_the_secret(error: &BlobError) {
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}

#[tokio::test]
async fn a_missing_bucket_is_named_as_what_is_missing() {
    let Some(place) = Place::bucket().await else { return };
    let options = place.bucket.as_ref().unwrap().options(place.directory.path().join("other"));
    let blobs = open("s3://no-such-bucket-of-gradus", options).await;
    let hash = BlobHash::of(b"x");
    let spooled = async || {
        let mut file = blobs.spool().create().await.unwrap();
        file.write(b"x").await.unwrap();
        blobs.put_spooled(file.finish().await.unwrap()).await
    };
    for error in [
        blobs.check().await.unwrap_err(),
        blobs.put_bytes("x").await.unwrap_err(),
        spooled().await.unwrap_err(),
        blobs.read(hash).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("NoSuchBucket"), "{error}");
        assert!(error.to_string().contains("make the bucket"), "{error}");
        assert!(!error.is_transient(), "{error}");
        assert_hides_the_secret(&error);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_unless_that_is_allowed() {
    let options =
        BucketOptions { endpoint: Some("http://127.0.0.1:1".to_owned()), ..BucketOptions::new("x") };
    let error = BlobLocation::parse("s3://marks", options).unwrap_err();
    assert!(matches!(error, BlobError::Location { .. }), "{error:?}");
}
