//! Bytes on their way in: they stay out of the way until they are whole, and go when nobody wants them.

use gradus_store::blobs::BlobStore;

use crate::place::Place;

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    for place in Place::all().await {
        let mut file = place.blobs.spool().create().await.unwrap();
        file.write(&[1; 600_000]).await.unwrap();
        assert_eq!(place.spooled(), 1);
        drop(file);
        assert_eq!(place.spooled(), 0);

        let finished = place.blobs.spool().create().await.unwrap().finish().await.unwrap();
        assert_eq!(place.spooled(), 1);
        drop(finished);
        assert_eq!(place.spooled(), 0);
    }
}

#[tokio::test]
async fn another_process_that_starts_leaves_the_uploads_of_this_one_alone() {
    for place in Place::all().await {
        let mut file = place.blobs.spool().create().await.unwrap();
        file.write(b"half of it, ").await.unwrap();
        let other = BlobStore::open(&place.location).await.unwrap();
        let theirs = other.spool().create().await.unwrap();
        file.write(b"and the rest").await.unwrap();
        let blob = place.blobs.put_spooled(file.finish().await.unwrap()).await.unwrap();
        assert_eq!(place.blobs.read(blob.hash).await.unwrap(), "half of it, and the rest");
        drop((theirs, other));
        assert_eq!(place.spooled(), 0);
    }
}

#[tokio::test]
async fn an_upload_outlives_the_store_it_was_begun_with() {
    let place = Place::directory().await;
    let other = BlobStore::open(&place.location).await.unwrap();
    let mut file = other.spool().create().await.unwrap();
    drop(other);
    file.write(b"late").await.unwrap();
    let blob = place.blobs.put_spooled(file.finish().await.unwrap()).await.unwrap();
    assert_eq!(place.blobs.read(blob.hash).await.unwrap(), "late");
}
