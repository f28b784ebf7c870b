//! Training jobs: their states, their events in order, their checkpoints.

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{CheckpointId, TrainingJobState, TrainingJobStep};
use gradus_store::files::{self, StoredFile};
use gradus_store::training_jobs::checkpoints::{self, Checkpoint};
use gradus_store::training_jobs::events::{self, NewEvent};
use gradus_store::training_jobs::{self, Progress};
use gradus_store::{Key, Store, StoreError, Whose, blob_records};
use gradus_testkit::TestDatabase;
use serde_json::json;

use super::each_database;
use super::samples::{stored_blob, stored_training_job, stored_user};

each_database!(
    a_job_goes_through_its_states_and_remembers_when,
    figures_are_replaced_by_newer_ones,
    events_have_no_gap_however_many_write_them,
    a_checkpoint_keeps_its_files_until_it_is_deleted,
    a_deleted_job_takes_events_and_checkpoints_along,
);

async fn step(
    store: &Store,
    id: gradus_domain::TrainingJobId,
    step: TrainingJobStep,
) -> Result<TrainingJobState, StoreError> {
    store.write(move |tx| async move { training_jobs::step(&tx, id, step, None).await }).await
}

async fn a_job_goes_through_its_states_and_remembers_when(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id = stored_training_job(&store, owner).await;
    let get = async || training_jobs::get(&store.reader(), Whose::Of(owner), id).await.unwrap();
    assert_eq!(training_jobs::live(&store.reader(), Whose::Anyones).await.unwrap().len(), 1);
    step(&store, id, TrainingJobStep::Prepare).await.unwrap();
    let started = get().await.started_at;
    assert!(started.is_some());
    database.clock.advance_seconds(60);
    step(&store, id, TrainingJobStep::Requeue).await.unwrap();
    step(&store, id, TrainingJobStep::Prepare).await.unwrap();
    assert_eq!(get().await.started_at, started, "the first start counts");

    let failure = Failure {
        category: Category::Resource,
        severity: Severity::Error,
        is_transient: false,
        message: "out of memory; choose a smaller batch".to_owned(),
    };
    let told = failure.clone();
    store
        .write(move |tx| async move { training_jobs::step(&tx, id, TrainingJobStep::Fail, Some(told)).await })
        .await
        .unwrap();
    let failed = get().await;
    assert_eq!((failed.state.0, failed.failure.unwrap().0), (TrainingJobState::Failed, failure));
    assert!(failed.finished_at.is_some());
    assert_eq!(training_jobs::live(&store.reader(), Whose::Anyones).await.unwrap(), []);

    store.write(move |tx| async move { training_jobs::resume(&tx, id, None).await }).await.unwrap();
    let resumed = get().await;
    assert_eq!(
        (resumed.state.0, resumed.failure, resumed.finished_at),
        (TrainingJobState::Queued, None, None)
    );
    assert!(matches!(step(&store, id, TrainingJobStep::Complete).await, Err(StoreError::NotNow(_))));
    store.close().await.unwrap();
}

async fn figures_are_replaced_by_newer_ones(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id = stored_training_job(&store, owner).await;
    for done in [10, 20] {
        let progress = Progress { training_loss: Some(1.0 / f64::from(done)), ..Progress::default() };
        store
            .write(move |tx| async move {
                training_jobs::report_progress(&tx, id, u64::from(done as u32), Some(400), progress).await
            })
            .await
            .unwrap();
    }
    let job = training_jobs::get(&store.reader(), Whose::Of(owner), id).await.unwrap();
    assert_eq!((job.step, job.steps, job.progress.training_loss), (20, Some(400), Some(0.05)));
    store.close().await.unwrap();
}

fn event(message: &str) -> NewEvent {
    NewEvent { kind: "message", level: "info", message: message.to_owned(), data: json!({"step": 1}) }
}

async fn events_have_no_gap_however_many_write_them(database: &TestDatabase) {
    let (one, other) = (database.open().await, database.open().await);
    let owner = stored_user(&one, "ada").await;
    let id = stored_training_job(&one, owner).await;
    let writers = (0..30).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move {
            store
                .write(
                    move |tx| async move { events::append(&tx, id, event(&format!("event {number}"))).await },
                )
                .await
                .unwrap()
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = events::after(&one.reader(), id, 0, 100).await.unwrap();
    assert_eq!(all.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    let later = events::after(&one.reader(), id, 28, 100).await.unwrap();
    assert_eq!(later, all[28..]);
    let newest = events::before(&one.reader(), id, None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|event| event.seq).collect::<Vec<_>>(), [30, 29]);
    let before = events::before(&one.reader(), id, Some(29), 1).await.unwrap();
    assert_eq!(before[0].seq, 28);
    one.close().await.unwrap();
    other.close().await.unwrap();
}

async fn stored_checkpoint(
    store: &Store,
    id: gradus_domain::TrainingJobId,
    at: i64,
    text: &str,
) -> CheckpointId {
    let blob_hash = stored_blob(store, text).await;
    store
        .write(move |tx| async move {
            let checkpoint = Checkpoint {
                id: Key(CheckpointId::new()),
                training_job_id: Key(id),
                step: at,
                training_loss: Some(0.4),
                validation_loss: None,
                bytes: 9,
                created_at: tx.now(),
            };
            let checkpoint_id = checkpoint.id.0;
            let file = StoredFile { name: "state.safetensors".to_owned(), blob_hash, bytes: 9 };
            checkpoints::insert(&tx, checkpoint, vec![file]).await?;
            Ok(checkpoint_id)
        })
        .await
        .unwrap()
}

async fn a_checkpoint_keeps_its_files_until_it_is_deleted(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let (id, other) = (stored_training_job(&store, owner).await, stored_training_job(&store, owner).await);
    let first = stored_checkpoint(&store, id, 100, "one").await;
    let second = stored_checkpoint(&store, id, 200, "two").await;
    let newest_first: Vec<_> = checkpoints::of_job(&store.reader(), id)
        .await
        .unwrap()
        .iter()
        .map(|checkpoint| checkpoint.id.0)
        .collect();
    assert_eq!(newest_first, [second, first]);
    assert_eq!(files::of_checkpoint::files(&store.reader(), first).await.unwrap().len(), 1);
    assert!(matches!(
        checkpoints::get(&store.reader(), other, first).await,
        Err(StoreError::NotFound { .. })
    ));

    store.write(move |tx| async move { checkpoints::delete(&tx, first).await }).await.unwrap();
    database.clock.advance_seconds(4000);
    let unused = store
        .write(|tx| async move {
            blob_records::take_unused(&tx, tx.now() - chrono::TimeDelta::hours(1), 10).await
        })
        .await
        .unwrap();
    assert_eq!(unused.iter().map(|blob| &blob.hash).collect::<Vec<_>>(), [&super::samples::hash("one")]);
    store.close().await.unwrap();
}

async fn a_deleted_job_takes_events_and_checkpoints_along(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let id = stored_training_job(&store, ada).await;
    stored_checkpoint(&store, id, 100, "one").await;
    store.write(move |tx| async move { events::append(&tx, id, event("begun")).await }).await.unwrap();
    let refused =
        store.write(move |tx| async move { training_jobs::delete(&tx, Whose::Of(bob), id).await }).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    store.write(move |tx| async move { training_jobs::delete(&tx, Whose::Of(ada), id).await }).await.unwrap();
    assert_eq!(events::after(&store.reader(), id, 0, 10).await.unwrap(), []);
    assert_eq!(checkpoints::of_job(&store.reader(), id).await.unwrap(), []);
    store.close().await.unwrap();
}
