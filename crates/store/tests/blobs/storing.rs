//! What is stored is there under its hash, once, and stays.

use gradus_store::blobs::{Blob, BlobError, BlobHash, BlobLocation, BlobStore};

use crate::place::{Place, noise};

#[tokio::test]
async fn stored_bytes_are_read_back_by_their_hash() {
    for place in Place::all().await {
        for length in [0, 1, 65_536, 1_000_000] {
            let bytes = noise(length, "stored");
            let blob = place.blobs.put_bytes(bytes.clone()).await.unwrap();
            assert_eq!(blob, Blob { hash: BlobHash::of(&bytes), bytes: length as u64 });
            assert_eq!(place.blobs.read(blob.hash).await.unwrap(), bytes);
        }
        assert_eq!(place.spooled(), 0);
    }
}

#[tokio::test]
async fn what_arrives_in_pieces_is_one_blob() {
    for place in Place::all().await {
        let bytes = noise(3_000_000, "pieces");
        let mut file = place.blobs.spool().create().await.unwrap();
        for piece in bytes.chunks(70_001) {
            file.write(piece).await.unwrap();
        }
        assert_eq!(file.bytes(), 3_000_000);
        let spooled = file.finish().await.unwrap();
        assert_eq!(std::fs::read(spooled.path()).unwrap(), bytes);
        assert_eq!(spooled.blob().hash, BlobHash::of(&bytes));

        let blob = place.blobs.put_spooled(spooled).await.unwrap();
        assert_eq!(place.blobs.read(blob.hash).await.unwrap(), bytes);
        assert_eq!(place.spooled(), 0);
    }
}

#[tokio::test]
async fn a_stored_file_stays_where_it_is() {
    for place in Place::all().await {
        let path = place.directory.path().join("adapter.safetensors");
        let bytes = noise(700_000, "file");
        std::fs::write(&path, &bytes).unwrap();
        let blob = place.blobs.put_path(&path).await.unwrap();
        assert_eq!(place.blobs.read(blob.hash).await.unwrap(), bytes);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    let place = Place::directory().await;
    let path = place.directory.path().join("no-such-file");
    let error = place.blobs.put_path(&path).await.unwrap_err();
    assert!(matches!(error, BlobError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-file") && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn the_same_bytes_stored_at_once_by_many_are_one_blob() {
    for place in Place::all().await {
        let bytes = noise(300_000, "many");
        let puts = (0..8).map(|_| place.blobs.put_bytes(bytes.clone()));
        let blobs = futures_util::future::join_all(puts).await;
        let hash = BlobHash::of(&bytes);
        assert!(blobs.iter().all(|blob| blob.as_ref().unwrap().hash == hash));
        assert_eq!(place.blobs.read(hash).await.unwrap(), bytes);
        assert_eq!(place.spooled(), 0);
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_place_sees_the_same_blobs() {
    for place in Place::all().await {
        let blob = place.blobs.put_bytes("marks").await.unwrap();
        let other = BlobStore::open(&place.location).await.unwrap();
        other.check().await.unwrap();
        assert_eq!(other.read(blob.hash).await.unwrap(), "marks");
    }
}

#[tokio::test]
async fn a_deleted_blob_is_missing_and_may_be_deleted_again() {
    for place in Place::all().await {
        let blob = place.blobs.put_bytes("marks").await.unwrap();
        assert!(place.blobs.contains(blob.hash).await.unwrap());
        place.blobs.delete(blob.hash).await.unwrap();
        place.blobs.delete(blob.hash).await.unwrap();
        assert!(!place.blobs.contains(blob.hash).await.unwrap());
        let error = place.blobs.open_reader(blob.hash).await.unwrap_err();
        assert!(matches!(error, BlobError::Missing { hash } if hash == blob.hash), "{error:?}");
        assert!(error.to_string().contains(&blob.hash.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_place_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "").unwrap();
    let error = BlobStore::open(&BlobLocation::Directory(path.clone())).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot create "), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}
