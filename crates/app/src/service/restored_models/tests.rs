//! Models' files over a real archive, with and without room for all of them.

use gradus_store::blobs::{BlobLocation, BlobStore};
use gradus_testkit::{Kind, TestDatabase};

use super::*;

struct Place {
    database: TestDatabase,
    archive: Archive,
    models: RestoredModels,
}

impl Place {
    async fn new(most_bytes: u64) -> Self {
        let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
        let directory = database.directory.path();
        let blobs = BlobStore::open(&BlobLocation::Directory(directory.join("blobs"))).await.unwrap();
        let archive = Archive::new(database.open().await, blobs);
        let models = RestoredModels { most_bytes, ..RestoredModels::new(directory.join("models")) };
        Self { database, archive, models }
    }

    /// A model of two files, of ten bytes together.
    async fn model(&self, letter: &str) -> (ModelId, Vec<StoredFile>) {
        let mut files = Vec::new();
        for name in ["gradus.json", "deep/adapter.bin"] {
            let blob = self.archive.keep_bytes(letter.repeat(5).into_bytes()).await.unwrap();
            files.push(StoredFile {
                name: name.to_owned(),
                blob_hash: blob.hash.to_string(),
                bytes: blob.bytes,
            });
        }
        (ModelId::new(), files)
    }

    async fn acquire(&self, (id, files): &(ModelId, Vec<StoredFile>)) -> Result<Lease, Error> {
        self.models.acquire(&self.archive, *id, files).await
    }

    fn is_here(&self, (id, _): &(ModelId, Vec<StoredFile>)) -> bool {
        self.models.path(*id).join("deep/adapter.bin").exists()
    }

    /// What lies there but locks.
    fn entries(&self) -> usize {
        let entries = fs::read_dir(&self.models.directory).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_none_or(|kind| kind != "lock"))
            .count()
    }
}

#[tokio::test]
async fn files_are_fetched_once_for_all_who_ask() {
    let place = Place::new(100).await;
    let model = place.model("a").await;
    let together = futures_util::future::join_all((0..8).map(|_| place.acquire(&model))).await;
    for lease in together {
        let directory = lease.unwrap().directory;
        assert_eq!(fs::read_to_string(directory.join("deep/adapter.bin")).unwrap(), "aaaaa");
    }
    for file in &model.1 {
        place.archive.blobs().delete(file.blob_hash.parse().unwrap()).await.unwrap();
    }
    place.acquire(&model).await.unwrap();
    assert_eq!(place.entries(), 1);
}

#[tokio::test]
async fn whichever_was_asked_longest_ago_makes_room() {
    let place = Place::new(25).await;
    let (first, second, third) = (place.model("a").await, place.model("b").await, place.model("c").await);
    place.acquire(&first).await.unwrap();
    place.acquire(&second).await.unwrap();
    place.acquire(&first).await.unwrap();
    place.acquire(&third).await.unwrap();
    assert_eq!([&first, &second, &third].map(|model| place.is_here(model)), [true, false, true]);
    place.acquire(&second).await.unwrap();
    assert_eq!([&first, &second, &third].map(|model| place.is_here(model)), [false, true, true]);
}

#[tokio::test]
async fn files_stay_as_long_as_somebody_holds_a_lease() {
    let place = Place::new(15).await;
    let (first, second, third) = (place.model("a").await, place.model("b").await, place.model("c").await);
    let lease = place.acquire(&first).await.unwrap();
    place.acquire(&second).await.unwrap();
    assert!(place.is_here(&first) && place.is_here(&second));
    drop(lease);
    place.acquire(&third).await.unwrap();
    assert_eq!([&first, &second, &third].map(|model| place.is_here(model)), [false, false, true]);
}

/// Overwrites every blob of five bytes; how many there were.
fn damage(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let damaged = entries.map(|entry| {
        let facts = entry.metadata().unwrap();
        if facts.is_dir() {
            return damage(&entry.path());
        }
        if facts.len() == 5 {
            fs::write(entry.path(), "xxxxx").unwrap();
        }
        usize::from(facts.len() == 5)
    });
    damaged.sum()
}

#[tokio::test]
async fn damaged_files_are_refused_and_nothing_is_left() {
    let place = Place::new(100).await;
    let model = place.model("a").await;
    let stored = damage(&place.database.directory.path().join("blobs"));
    assert_eq!(stored, 1, "both files are one blob");
    let error = place.acquire(&model).await.unwrap_err();
    assert!(matches!(error, Error::Blobs(_)), "{error}");
    assert_eq!(place.entries(), 0);
}

#[tokio::test]
async fn what_a_killed_process_left_is_written_anew() {
    let place = Place::new(100).await;
    let model = place.model("a").await;
    let aside = place.models.path(model.0).with_extension("partial");
    fs::create_dir_all(&aside).unwrap();
    fs::write(aside.join("half"), "x").unwrap();
    let lease = place.acquire(&model).await.unwrap();
    assert!(!lease.directory.join("half").exists() && place.is_here(&model));
    assert_eq!(place.entries(), 1);
}

#[tokio::test]
async fn another_process_that_fetches_the_same_model_is_waited_for() {
    let place = Place::new(100).await;
    let model = place.model("a").await;
    let others = place.models.alone(model.0).await.unwrap().unwrap();
    let released = async {
        tokio::time::sleep(3 * LOOK_AGAIN).await;
        assert!(!place.is_here(&model));
        drop(others);
    };
    let (lease, ()) = tokio::join!(place.acquire(&model), released);
    assert!(lease.is_ok() && place.is_here(&model));
}
