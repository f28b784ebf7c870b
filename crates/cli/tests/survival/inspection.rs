//! Whether everything that was acknowledged is there, once, as it should be, and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use gradus_app::accounts::Quotas;
use gradus_app::domain::{BlobState, JobKind, QueueJobState};
use gradus_app::models::{Catalogue, CatalogueSettings, ModelStore};
use gradus_app::service::{Archive, Services};
use gradus_app::store::blobs::{BlobHash, BlobStore, ListedBlob};
use gradus_app::store::{PageRequest, Store, blob_records, queue};

use crate::client::{Client, id};
use crate::examinations::{self, Examination};
use crate::foundation::Foundation;
use crate::trainings::{self, Training};
use crate::uploads::Upload;
use crate::{datasets, uploads};

/// What was made, and acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) uploads: Vec<Upload>,
    pub(crate) trainings: Vec<Training>,
    pub(crate) examinations: Vec<Examination>,
    pub(crate) datasets: Vec<String>,
}

/// Asks the server for everything that was made.
pub(crate) async fn everything_is_there_once(client: &Client, foundation: Foundation, mut made: Made) {
    let Foundation { job, parameters, losses, examination, marks, dataset, .. } = foundation;
    made.uploads.extend(foundation.uploads);
    made.trainings.push(Training { id: job, is_given_up: false });
    made.examinations.push(examination);
    made.datasets.push(dataset);

    let kept = made.uploads.iter().filter(|upload| !upload.is_deleted);
    assert_list(client, "/api/v1/documents", kept.clone().map(|upload| upload.id.clone())).await;
    for upload in kept {
        let bytes = client.bytes(&format!("/api/v1/documents/{}/content", upload.id)).await;
        assert!(bytes == upload.bytes, "{} has other bytes", upload.id);
        let document = uploads::until_read(client, &upload.id).await;
        assert_eq!(document["bytes"], upload.bytes.len());
    }
    assert_list(client, datasets::LIST, made.datasets.into_iter()).await;

    assert_list(client, trainings::LIST, made.trainings.iter().map(|it| it.id.clone())).await;
    let completed = made.trainings.iter().filter(|training| !training.is_given_up);
    let of_models = client.list("/api/v1/models").await;
    let of_models = of_models.iter().map(|model| model["training_job_id"].as_str().unwrap().to_owned());
    assert_same(of_models, completed.clone().map(|training| training.id.clone()), "models");
    for training in completed {
        let id = &training.id;
        assert_eq!(trainings::model(client, id).await.1, parameters, "{id} has other parameters");
        assert_eq!(trainings::losses(client, id).await, losses, "{id} was told otherwise");
    }

    assert_list(client, examinations::TESTS, made.examinations.iter().map(|it| it.test.clone())).await;
    assert_list(client, examinations::REPORTS, made.examinations.iter().map(|it| it.report.clone())).await;
    for Examination { name, test, report } in &made.examinations {
        assert_eq!(examinations::marks(client, test).await, marks, "{name}");
        let page = client.bytes(&format!("{}/{report}/page", examinations::REPORTS)).await;
        assert!(String::from_utf8(page).unwrap().contains(name), "the report on {name} is another's");
    }
}

/// Sends every request once more that was answered under its key: it is answered as before, and does nothing.
pub(crate) async fn every_key_stands_for_what_it_made(client: &Client) {
    let acknowledged = client.acknowledged();
    assert!(acknowledged.len() > 10, "{acknowledged:?}");
    for acknowledged in acknowledged {
        let again = client.ask(&acknowledged.request).await;
        assert!(again.status == 201 && again.is_replayed, "{again:?}");
        assert_eq!(again.json(), acknowledged.answer);
    }
}

async fn assert_list(client: &Client, path: &str, expected: impl Iterator<Item = String>) {
    assert_same(client.list(path).await.iter().map(id), expected, path);
}

fn assert_same(found: impl Iterator<Item = String>, expected: impl Iterator<Item = String>, what: &str) {
    let (mut found, mut expected) = (found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{what}");
}

/// Waits until nothing waits or runs, and looks at how everything ended.
pub(crate) async fn every_job_ended(store: &Store) -> Vec<queue::QueueJob> {
    let reader = store.reader();
    let live = async || !queue::states(&reader).await.unwrap().is_empty();
    for _ in 0..600 {
        if !live().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (mut jobs, mut request) = (Vec::new(), PageRequest::first(200));
    loop {
        let page = queue::page(&reader, None, &request).await.unwrap();
        jobs.extend(page.items);
        if !page.has_more {
            break;
        }
        request.after = jobs.last().map(|job| gradus_app::domain::Id::uuid(job.id.0));
    }
    for job in &jobs {
        match job.state.0 {
            QueueJobState::Done => assert_done_once(job, &jobs),
            QueueJobState::Cancelled => {}
            QueueJobState::Failed => {
                let reason = &job.failure.as_ref().unwrap().message;
                let is_broken_file = job.kind.0 == JobKind::ExtractDocument;
                assert!(is_broken_file || reason.contains("was lost"), "{job:?}");
            }
            QueueJobState::Ready | QueueJobState::Running => panic!("it does not end: {job:?}"),
        }
    }
    jobs
}

/// Nothing is done twice, unless it was given up in between and asked for again.
fn assert_done_once(job: &queue::QueueJob, jobs: &[queue::QueueJob]) {
    let about_the_same = jobs.iter().filter(|other| other.subject_id == job.subject_id);
    let count = |state| about_the_same.clone().filter(|other| other.state.0 == state).count();
    let again = 1 + count(QueueJobState::Failed);
    assert!(job.subject_id.is_none() || count(QueueJobState::Done) <= again, "done twice: {job:?}");
}

/// Every blob has its record and the bytes that its name says, every record has its blob, and what nothing refers to goes
/// with a clean-up.
pub(crate) async fn only_what_is_needed_is_stored(blobs: BlobStore, store: &Store) {
    let (stored, records) = (hashes(&blobs).await, blob_records::hashes(&store.reader()).await.unwrap());
    assert!(stored.iter().all(|hash| records.contains(hash)), "a file that nobody knows of");
    for hash in records {
        let record = blob_records::find(&store.reader(), &hash).await.unwrap().unwrap();
        // One that was only announced may never have come.
        assert!(record.state.0 != BlobState::Stored || stored.contains(&hash), "{hash} is lost");
    }
    archive(store, &blobs).sweep(Duration::ZERO, &|| false).await.unwrap();
    assert_eq!(hashes(&blobs).await, blob_records::hashes(&store.reader()).await.unwrap());
}

fn archive(store: &Store, blobs: &BlobStore) -> Archive {
    // Of the services, this one alone is asked for; it uses no directory.
    let (nowhere, catalogue) = (Path::new("nowhere"), Catalogue::new(&CatalogueSettings::default()));
    let models = (ModelStore::new(nowhere), Arc::new(catalogue));
    Services::new((store.clone(), blobs.clone()), models, nowhere.into(), Quotas::default()).archive
}

/// The hashes of the blobs that are stored, in order.
async fn hashes(blobs: &BlobStore) -> Vec<String> {
    let (mut hashes, mut listed) = (Vec::new(), blobs.list());
    while let Some(found) = listed.try_next().await.unwrap() {
        let ListedBlob::Blob { blob, .. } = found else { panic!("a stray file: {found:?}") };
        let bytes = blobs.read(blob.hash).await.unwrap();
        assert!(BlobHash::of(&bytes) == blob.hash, "{} has other bytes", blob.hash);
        hashes.push(blob.hash.to_string());
    }
    hashes.sort();
    hashes
}

/// The names of what lies in a directory.
pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).map(|entries| entries.flatten().collect::<Vec<_>>());
    entries.unwrap_or_default().iter().map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}
