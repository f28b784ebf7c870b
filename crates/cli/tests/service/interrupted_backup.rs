//! Backups and restorations that are broken off: what is left is never taken for a backup, and the next one is whole.

use std::io::{BufRead, BufReader};
use std::process::{ExitStatus, Stdio};

use futures_util::TryStreamExt;
use gradus_app::store::blobs::BlobHash;
use gradus_app::store::{blob_records, server_settings};
use gradus_testkit::Kind;

use crate::gradus::Ran;
use crate::rows::{column, rows};
use crate::served::{command, signal};
use crate::site::Site;

/// So many that a signal comes long before the last.
const DOCUMENTS: usize = 80;

/// A site with files, over which nobody works.
async fn site(kind: Kind) -> Option<Site> {
    let site = Site::new(kind).await?;
    for number in 0..DOCUMENTS {
        site.upload(&format!("{number}.txt"), "answers", format!("answer {number}").as_bytes()).await;
    }
    Some(site)
}

/// Runs a command and sends it a signal once it has said that it is at its files.
fn broken_off(site: &Site, arguments: &str, name: &str) -> ExitStatus {
    let mut command = command(site, &format!("{arguments} --json"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for said in ["\"title\":\"Files\"", "\"unit\":\"files\""] {
        lines.find(|line| line.as_ref().unwrap().contains(said)).unwrap().unwrap();
    }
    signal(child.id(), name);
    // What it still has to say.
    lines.for_each(drop);
    child.wait().unwrap()
}

fn succeed(site: &Site, arguments: &str) {
    let ran = Ran::of(arguments, command(site, arguments).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

async fn holds(site: &Site) -> usize {
    let reader = site.services.store.reader();
    server_settings::with_prefix(&reader, "backup-").await.unwrap().len()
}

async fn a_backup_that_is_interrupted_leaves_nothing(kind: Kind) {
    let Some(site) = site(kind).await else { return };
    for name in ["-INT", "-TERM"] {
        let status = broken_off(&site, "backup backups/one", name);
        assert_eq!(status.code(), Some(130));
        assert_eq!(std::fs::read_dir(site.place.path("backups")).unwrap().count(), 0, "{name}");
        assert_eq!(holds(&site).await, 0, "it still keeps blobs from being deleted");
    }
    succeed(&site, "backup backups/one");
    site.remove().await;
}

async fn what_a_killed_backup_leaves_is_no_backup_and_gives_way_to_the_next(kind: Kind) {
    let Some(site) = site(kind).await else { return };
    let status = broken_off(&site, "backup backups/one", "-KILL");
    assert_eq!(status.code(), None);
    let left = std::fs::read_dir(site.place.path("backups")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), [".partial-one"]);
    let arguments = "restore backups/.partial-one";
    let ran = Ran::of(arguments, command(&site, arguments).output().unwrap());
    ran.assert_refused(&["holds no backup (backup.json is missing)"]);

    succeed(&site, "backup backups/one");
    let left = std::fs::read_dir(site.place.path("backups")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["one"]);
    let rows = rows(&site.place.path("backups/one"));
    assert_eq!(column(&rows, "document", "id").len(), DOCUMENTS);
    // The killed one still holds on to blobs, for some minutes; what is restored knows nothing of it.
    assert_eq!(holds(&site).await, 1);
    assert!(column(&rows, "setting", "name").is_empty());
    site.remove().await;
}

async fn a_restoration_that_is_broken_off_is_done_again_in_the_same_place(kind: Kind) {
    let Some(source) = site(kind).await else { return };
    succeed(&source, "backup one");
    let one = source.place.path("one");
    let (place, database) = Site::nothing(kind).await.unwrap();
    let target = Site::opened(place, database, async |_| source.owner).await;
    let restore = format!("restore {}", one.display());
    for (name, code) in [("-INT", Some(130)), ("-KILL", None)] {
        assert_eq!(broken_off(&target, &restore, name).code(), code);
    }
    succeed(&target, &restore);
    succeed(&target, "backup two");
    assert_eq!(rows(&target.place.path("two")), rows(&one));
    // Each file with its record, and each record with its file.
    let hashes = blob_records::hashes(&target.services.store.reader()).await.unwrap();
    assert_eq!(hashes.len(), DOCUMENTS);
    for hash in hashes {
        let hash: BlobHash = hash.parse().unwrap();
        target.services.archive.blobs().read(hash).await.unwrap();
    }
    let stored: Vec<_> = target.services.archive.blobs().list().try_collect().await.unwrap();
    assert_eq!(stored.len(), DOCUMENTS, "a file without its record");
    target.remove().await;
    source.remove().await;
}

mod on_sqlite {
    use gradus_testkit::Kind::Sqlite;

    #[tokio::test]
    async fn a_backup_that_is_interrupted_leaves_nothing() {
        super::a_backup_that_is_interrupted_leaves_nothing(Sqlite).await;
    }

    #[tokio::test]
    async fn what_a_killed_backup_leaves_is_no_backup_and_gives_way_to_the_next() {
        super::what_a_killed_backup_leaves_is_no_backup_and_gives_way_to_the_next(Sqlite).await;
    }

    #[tokio::test]
    async fn a_restoration_that_is_broken_off_is_done_again_in_the_same_place() {
        super::a_restoration_that_is_broken_off_is_done_again_in_the_same_place(Sqlite).await;
    }
}

mod on_postgresql {
    use gradus_testkit::Kind::Postgres;

    #[tokio::test]
    async fn a_backup_that_is_interrupted_leaves_nothing() {
        super::a_backup_that_is_interrupted_leaves_nothing(Postgres).await;
    }

    #[tokio::test]
    async fn what_a_killed_backup_leaves_is_no_backup_and_gives_way_to_the_next() {
        super::what_a_killed_backup_leaves_is_no_backup_and_gives_way_to_the_next(Postgres).await;
    }

    #[tokio::test]
    async fn a_restoration_that_is_broken_off_is_done_again_in_the_same_place() {
        super::a_restoration_that_is_broken_off_is_done_again_in_the_same_place(Postgres).await;
    }
}
