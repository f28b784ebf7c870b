//! Records of blobs: no bytes without a record, and none deleted that something refers to.

use gradus_store::blob_records::{Doomed, announce, find, forget, hashes, settle, take_over, take_unused};
use gradus_store::{Store, StoreError, Whose, documents};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::samples::{hash, stored_blob, stored_document, stored_user};

each_database!(
    what_something_refers_to_is_never_taken,
    what_nothing_refers_to_is_taken_once_it_is_old,
    bytes_that_are_being_deleted_cannot_be_referred_to,
    a_deletion_that_broke_off_is_taken_up_again,
);

async fn doomed(store: &Store, older_than_seconds: i64) -> Vec<Doomed> {
    store
        .write(move |tx| async move {
            let before = tx.now() - chrono::TimeDelta::seconds(older_than_seconds);
            take_unused(&tx, before, 100).await
        })
        .await
        .unwrap()
}

async fn unused(store: &Store, older_than_seconds: i64) -> Vec<String> {
    doomed(store, older_than_seconds).await.into_iter().map(|blob| blob.hash).collect()
}

async fn what_something_refers_to_is_never_taken(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let document = stored_document(&store, owner, "guide").await;
    let twin = stored_document(&store, owner, "guide").await;
    database.clock.advance_seconds(7200);
    assert_eq!(unused(&store, 3600).await, Vec::<String>::new());
    for id in [document, twin] {
        store
            .write(move |tx| async move { documents::delete(&tx, Whose::Of(owner), id).await })
            .await
            .unwrap();
        let expected: &[String] = if id == twin { &[hash("guide")] } else { &[] };
        assert_eq!(unused(&store, 3600).await, expected);
    }
    store.close().await.unwrap();
}

async fn what_nothing_refers_to_is_taken_once_it_is_old(database: &TestDatabase) {
    let store = database.open().await;
    let aborted = stored_blob(&store, "aborted upload").await;
    assert_eq!(unused(&store, 3600).await, Vec::<String>::new());
    database.clock.advance_seconds(3601);
    let mut taken = doomed(&store, 3600).await;
    assert_eq!(taken.iter().map(|blob| &blob.hash).collect::<Vec<_>>(), [&aborted]);
    let gone = taken.remove(0);
    store.write(move |tx| async move { forget(&tx, &gone).await }).await.unwrap();
    assert_eq!(hashes(&store.reader()).await.unwrap(), Vec::<String>::new());
    store.close().await.unwrap();
}

async fn bytes_that_are_being_deleted_cannot_be_referred_to(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let hash = stored_blob(&store, "guide").await;
    database.clock.advance_seconds(3601);
    let gone = doomed(&store, 3600).await.remove(0);
    let late = hash.clone();
    let refused = store.write(move |tx| async move { settle(&tx, &late).await }).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let again = hash.clone();
    let announced = store.write(move |tx| async move { announce(&tx, &again, 5).await }).await.unwrap();
    assert!(!announced, "the bytes may be gone at any moment");
    store.write(move |tx| async move { forget(&tx, &gone).await }).await.unwrap();
    stored_document(&store, owner, "guide").await;
    assert_eq!(find(&store.reader(), &hash).await.unwrap().unwrap().state.to_string(), "stored");
    store.close().await.unwrap();
}

async fn a_deletion_that_broke_off_is_taken_up_again(database: &TestDatabase) {
    let store = database.open().await;
    let hash = stored_blob(&store, "guide").await;
    database.clock.advance_seconds(3601);
    let broken_off = doomed(&store, 3600).await.remove(0);
    assert_eq!(unused(&store, 3600).await, Vec::<String>::new(), "it is another's for a while");
    let take = async |hash: &str| {
        let hash = hash.to_owned();
        store.write(move |tx| async move { take_over(&tx, &hash).await }).await.unwrap()
    };
    assert_eq!(take(&hash).await, None);
    // Whoever wants to store the same bytes meanwhile does not put the end of that off.
    let again = hash.clone();
    assert!(!store.write(move |tx| async move { announce(&tx, &again, 5).await }).await.unwrap());
    database.clock.advance_seconds(601);
    let taken = take(&hash).await.unwrap();
    assert_eq!(unused(&store, 3600).await, Vec::<String>::new());

    // The one that broke off wakes up and must not forget what is another's by now.
    store.write(move |tx| async move { forget(&tx, &broken_off).await }).await.unwrap();
    assert_eq!(hashes(&store.reader()).await.unwrap(), std::slice::from_ref(&hash));
    store.write(move |tx| async move { forget(&tx, &taken).await }).await.unwrap();
    assert_eq!(hashes(&store.reader()).await.unwrap(), Vec::<String>::new());
    store.close().await.unwrap();
}
