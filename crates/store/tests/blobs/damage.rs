//! A blob whose bytes are not those of its hash is never passed off as whole.

use futures_util::TryStreamExt;
use gradus_store::blobs::{Blob, BlobError};

use crate::place::{Place, noise};

/// Longer than what is read at once, so that there is something before the last chunk.
const LENGTH: usize = 700_000;

async fn damaged(place: &Place, change: impl FnOnce(&mut Vec<u8>)) -> Blob {
    let mut bytes = noise(LENGTH, "damage");
    let blob = place.blobs.put_bytes(bytes.clone()).await.unwrap();
    change(&mut bytes);
    place.overwrite(blob.hash, &bytes);
    blob
}

fn assert_names(error: &BlobError, blob: Blob) {
    assert!(matches!(error, BlobError::Damaged { hash, .. } if *hash == blob.hash), "{error:?}");
    assert!(error.to_string().contains(&blob.hash.to_string()), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_changed_a_shorter_and_a_longer_blob_are_seen() {
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[LENGTH - 1] ^= 1,
        |bytes| bytes.truncate(LENGTH - 1),
        |bytes| bytes.push(0),
    ];
    for place in Place::all().await {
        for change in changes {
            let blob = damaged(&place, change).await;
            assert_names(&place.blobs.read(blob.hash).await.unwrap_err(), blob);
            assert_names(&place.blobs.verify(blob.hash).await.unwrap_err(), blob);
        }
    }
}

#[tokio::test]
async fn whoever_reads_a_damaged_blob_never_receives_all_of_it() {
    for place in Place::all().await {
        let blob = damaged(&place, |bytes| bytes[0] ^= 1).await;
        let mut reader = place.blobs.open_reader(blob.hash).await.unwrap();
        let mut received = 0;
        let error = loop {
            match reader.try_next().await {
                Ok(Some(chunk)) => received += chunk.len(),
                Ok(None) => panic!("the damage was not seen"),
                Err(error) => break error,
            }
        };
        assert_names(&error, blob);
        assert!(received < LENGTH, "{received}");
    }
}

#[tokio::test]
async fn a_damaged_blob_is_not_copied_over_a_file() {
    for place in Place::all().await {
        let blob = damaged(&place, |bytes| bytes[5] ^= 1).await;
        let directory = place.directory.path().join("copies");
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("model.gguf");
        std::fs::write(&path, "the model before").unwrap();
        assert_names(&place.blobs.copy_to_path(blob.hash, &path).await.unwrap_err(), blob);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the model before");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn storing_a_damaged_blob_again_repairs_it() {
    for place in Place::all().await {
        let blob = damaged(&place, |bytes| bytes.truncate(10)).await;
        place.blobs.put_bytes(noise(LENGTH, "damage")).await.unwrap();
        assert_eq!(place.blobs.verify(blob.hash).await.unwrap(), blob);
    }
}
