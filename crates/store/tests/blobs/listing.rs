//! What lies where blobs are kept.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use gradus_store::blobs::{BlobHash, ListedBlob};

use crate::place::{Place, noise};

#[tokio::test]
async fn an_empty_place_has_nothing() {
    for place in Place::all().await {
        place.blobs.check().await.unwrap();
        assert_eq!(place.blobs.list().try_collect::<Vec<_>>().await.unwrap(), []);
    }
}

#[tokio::test]
async fn every_blob_is_listed_with_its_length() {
    for place in Place::all().await {
        let mut stored = BTreeSet::new();
        for length in 0..20 {
            let blob = place.blobs.put_bytes(noise(length, "listed")).await.unwrap();
            stored.insert((blob.hash, blob.bytes));
        }
        let listed: Vec<_> = place.blobs.list().try_collect().await.unwrap();
        let found = listed.iter().map(|listed| match listed {
            ListedBlob::Blob { blob, .. } => (blob.hash, blob.bytes),
            ListedBlob::Stray { key } => panic!("{key} is no stray"),
        });
        assert_eq!(found.collect::<BTreeSet<_>>(), stored);
    }
}

#[tokio::test]
async fn when_a_blob_was_stored_last_is_known() {
    for place in Place::all().await {
        place.blobs.put_bytes("marks").await.unwrap();
        let stored_at = async || match place.blobs.list().try_next().await.unwrap() {
            Some(ListedBlob::Blob { stored_at, .. }) => stored_at,
            other => panic!("{other:?}"),
        };
        let before = stored_at().await;
        if place.bucket.is_none() {
            let path = place.blob_path(BlobHash::of(b"marks"));
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            assert_eq!(stored_at().await.timestamp(), 0);
        }
        place.blobs.put_bytes("marks").await.unwrap();
        assert!(stored_at().await >= before);
    }
}

#[tokio::test]
async fn what_is_no_blob_is_listed_as_a_stray() {
    for place in Place::all().await {
        let hash = BlobHash::of(b"elsewhere");
        for key in ["notes.txt".to_owned(), hash.to_string(), format!("00/00/{hash}")] {
            match &place.bucket {
                Some(bucket) => drop(bucket.request("PUT", &format!("a/prefix/{key}"), b"x")),
                None => {
                    let path = place.directory.path().join("place/blobs").join(&key);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, "x").unwrap();
                }
            }
        }
        let listed: Vec<_> = place.blobs.list().try_collect().await.unwrap();
        assert_eq!(listed.len(), 3);
        let strays = listed.iter().filter(|listed| matches!(listed, ListedBlob::Stray { .. }));
        assert_eq!(strays.count(), 3, "{listed:?}");
    }
}

#[tokio::test]
async fn what_lies_beside_the_prefix_is_not_listed() {
    let Some(place) = Place::bucket().await else { return };
    let bucket = place.bucket.as_ref().unwrap();
    for key in ["other/key", "a/prefix-of-somebody-else/key", "a/prefixed"] {
        bucket.request("PUT", key, b"x");
    }
    assert_eq!(place.blobs.list().try_collect::<Vec<_>>().await.unwrap(), []);
}
