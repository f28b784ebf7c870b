//! Large blobs pass through, whatever their length, without being held in memory.

use std::path::Path;
use std::process::Command;

use futures_util::TryStreamExt;

use crate::place::Place;

/// Far above what is held of a blob at once, far below the blob.
const ALLOWED_BYTES: u64 = 24 << 20;
const BLOB_BYTES: u64 = 192 << 20;
const TEST: &str = "memory::a_large_blob_is_stored_and_read_in_little_memory";
/// Tells this test that it has a process to itself, whose memory it can measure.
const ALONE: &str = "GRADUS_TEST_MEASURES_MEMORY";

/// The most memory that this process has had so far.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

async fn store_and_read(place: &Place) {
    let path = place.directory.path().join("large");
    std::fs::File::create(&path).unwrap().set_len(BLOB_BYTES).unwrap();
    let blob = place.blobs.put_path(&path).await.unwrap();
    assert_eq!(blob.bytes, BLOB_BYTES);
    let mut reader = place.blobs.open_reader(blob.hash).await.unwrap();
    let mut read = 0;
    while let Some(chunk) = reader.try_next().await.unwrap() {
        read += chunk.len() as u64;
    }
    assert_eq!(read, BLOB_BYTES);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the process that measures itself learns so that it is alone")]
async fn a_large_blob_is_stored_and_read_in_little_memory() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", TEST, "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    for place in Place::all().await {
        let before = peak_bytes();
        store_and_read(&place).await;
        let grown = peak_bytes() - before;
        assert!(grown < ALLOWED_BYTES, "{} MiB more for {}", grown >> 20, place.location);
    }
}
