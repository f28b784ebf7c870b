//! Whole blobs, parts of them, and copies in files.

use futures_util::TryStreamExt;
use gradus_store::blobs::{BlobError, BlobHash};

use crate::place::{Place, noise};

#[tokio::test]
async fn a_reader_knows_the_length_and_gives_large_chunks() {
    let place = Place::directory().await;
    let bytes = noise(1_000_000, "chunks");
    let blob = place.blobs.put_bytes(bytes.clone()).await.unwrap();
    let reader = place.blobs.open_reader(blob.hash).await.unwrap();
    assert_eq!(reader.bytes(), 1_000_000);
    let chunks: Vec<_> = reader.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), bytes);
    assert!(chunks.len() <= 5, "{} chunks", chunks.len());
}

#[tokio::test]
async fn a_part_is_read_from_its_first_byte_up_to_its_end() {
    for place in Place::all().await {
        let bytes = noise(600_000, "part");
        let hash = place.blobs.put_bytes(bytes.clone()).await.unwrap().hash;
        for range in [0..1, 0..600_000, 299_999..599_999, 599_999..600_000, 5..5, 600_000..600_000] {
            let reader = place.blobs.open_range(hash, range.start..range.end).await.unwrap();
            assert_eq!(reader.bytes(), range.end - range.start);
            let part = reader.into_bytes().await.unwrap();
            assert_eq!(part, bytes[range.start as usize..range.end as usize], "{range:?}");
        }
    }
}

#[tokio::test]
async fn a_part_beyond_the_end_is_refused_with_the_length() {
    for place in Place::all().await {
        let hash = place.blobs.put_bytes("ten bytes!").await.unwrap().hash;
        #[expect(clippy::reversed_empty_ranges, reason = "such a range is what is refused")]
        for range in [0..11, 10..11, 11..11, 7..3] {
            let error = place.blobs.open_range(hash, range).await.unwrap_err();
            assert!(matches!(error, BlobError::OutOfRange { bytes: 10, .. }), "{error:?}");
        }
        let missing = BlobHash::of(b"missing");
        let error = place.blobs.open_range(missing, 0..1).await.unwrap_err();
        assert!(matches!(error, BlobError::Missing { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_copy_replaces_the_file_that_was_there() {
    for place in Place::all().await {
        let bytes = noise(600_000, "copy");
        let blob = place.blobs.put_bytes(bytes.clone()).await.unwrap();
        let directory = place.directory.path().join("copies");
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("model.gguf");
        std::fs::write(&path, "the model before").unwrap();
        assert_eq!(place.blobs.copy_to_path(blob.hash, &path).await.unwrap(), blob);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_copy_into_a_directory_that_is_missing_names_it() {
    let place = Place::directory().await;
    let blob = place.blobs.put_bytes("x").await.unwrap();
    let path = place.directory.path().join("nowhere").join("x");
    let error = place.blobs.copy_to_path(blob.hash, &path).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
