//! What a process that was killed left in the spool is removed by the next that starts, and by it alone.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use gradus_store::blobs::{BlobLocation, BlobStore};

use crate::place::Place;

/// Names the place to the process that is about to be killed.
const PLACE: &str = "GRADUS_TEST_KILLED_IN";
const TEST: &str = "killed::what_a_killed_process_was_writing_is_removed_at_the_next_start";

/// This test in a process of its own.
struct Uploader {
    process: Child,
    /// Kept, so that it may go on printing.
    _output: BufReader<ChildStdout>,
}

/// Starts a process, and waits until it is in the middle of two uploads.
fn uploader(place: &Place) -> Uploader {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.env(PLACE, place.directory.path().join("place")).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.by_ref().lines().any(|line| line.unwrap().contains("uploading")));
    Uploader { process: child, _output: output }
}

#[expect(clippy::print_stdout, reason = "tells the process that waits for it")]
async fn upload_until_killed(place: &str) {
    let blobs = BlobStore::open(&BlobLocation::Directory(place.into())).await.unwrap();
    let mut file = blobs.spool().create().await.unwrap();
    file.write(&[7; 1_000_000]).await.unwrap();
    let mut other = blobs.spool().create().await.unwrap();
    other.write(b"whole, and not stored yet").await.unwrap();
    let _finished = other.finish().await.unwrap();
    println!("uploading");
    std::io::stdin().lines().for_each(drop);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the process that is killed learns its place so")]
async fn what_a_killed_process_was_writing_is_removed_at_the_next_start() {
    if let Ok(place) = std::env::var(PLACE) {
        return upload_until_killed(&place).await;
    }
    let place = Place::directory().await;
    let (mut killed, mut living) = (uploader(&place), uploader(&place));
    assert_eq!(place.spooled(), 4);
    killed.process.kill().unwrap();
    killed.process.wait().unwrap();
    assert_eq!(place.spooled(), 4);

    let next = BlobStore::open(&place.location).await.unwrap();
    assert_eq!(place.spooled(), 2);
    next.check().await.unwrap();

    // The other one ends by itself and clears its own.
    drop(living.process.stdin.take());
    assert!(living.process.wait().unwrap().success());
    assert_eq!(place.spooled(), 0);
}
