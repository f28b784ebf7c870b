//! Revisions: each change of a thing that workers work on makes the next, also where the clock stands still, as it does
//! here; what is refused makes none.

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{
    DatasetVersionId, DatasetVersionStep, DocumentStep, ModelTestId, ModelTestStep, ReportStep,
};
use gradus_store::datasets::versions::{self, Frozen};
use gradus_store::documents::{self, Reading};
use gradus_store::model_tests::{self, Results};
use gradus_store::reports;
use gradus_store::{Store, StoreError, Transaction, Whose};
use gradus_testkit::TestDatabase;
use serde_json::json;

use super::contents::{stored_dataset, stored_report, stored_test};
use super::each_database;
use super::samples::{stored_blob, stored_document, stored_user};

each_database!(
    each_change_of_a_document_is_its_next_revision,
    each_change_of_a_dataset_version_is_its_next_revision,
    each_change_of_a_model_test_is_its_next_revision,
    each_change_of_a_report_is_its_next_revision,
);

fn failure() -> Failure {
    Failure {
        category: Category::Input,
        severity: Severity::Error,
        is_transient: false,
        message: "page 3 cannot be read".to_owned(),
    }
}

/// A thing, and what says which revision of it there is.
struct Revised<'a, F> {
    store: &'a Store,
    revision: F,
    expected: i64,
}

impl<'a, F: AsyncFn() -> i64> Revised<'a, F> {
    async fn new(store: &'a Store, revision: F) -> Self {
        assert_eq!(revision().await, 1, "as it was made");
        Self { store, revision, expected: 1 }
    }

    /// Makes one change, which is the next revision.
    async fn change<W>(&mut self, work: impl FnOnce(Transaction) -> W + Send + 'static)
    where
        W: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        self.store.write(work).await.unwrap();
        self.expected += 1;
        assert_eq!((self.revision)().await, self.expected);
    }

    /// Tries a change that is refused and is no revision.
    async fn refuse<W>(&mut self, work: impl FnOnce(Transaction) -> W + Send + 'static)
    where
        W: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        assert!(matches!(self.store.write(work).await, Err(StoreError::NotNow(_))));
        assert_eq!((self.revision)().await, self.expected);
    }
}

async fn each_change_of_a_document_is_its_next_revision(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id = stored_document(&store, owner, "guide").await;
    let other = stored_document(&store, owner, "another guide").await;
    let text_hash = stored_blob(&store, "its text").await;
    let revision = async |id| documents::get(&store.reader(), Whose::Anyones, id).await.unwrap().revision;
    let step = |step| move |tx| async move { documents::step(&tx, id, step).await };
    let mut document = Revised::new(&store, async || revision(id).await).await;
    document.refuse(step(DocumentStep::Accept)).await;
    document.change(step(DocumentStep::Extract)).await;
    // Begun again after its worker was lost: it looks the same, and it is another try.
    document.change(step(DocumentStep::Extract)).await;
    document.change(move |tx| async move { documents::reject(&tx, id, failure()).await }).await;
    document.change(step(DocumentStep::Retry)).await;
    document.change(step(DocumentStep::Extract)).await;
    document.change(move |tx| async move { documents::accept(&tx, id, reading(text_hash)).await }).await;
    document.change(move |tx| async move { documents::keep_until(&tx, id, tx.now()).await }).await;
    assert_eq!(revision(other).await, 1, "nothing happened to it");
    store.close().await.unwrap();
}

fn reading(text_hash: String) -> Reading {
    Reading { format: "docx".to_owned(), pages: None, quality: None, text_hash, findings: json!({}) }
}

async fn each_change_of_a_dataset_version_is_its_next_revision(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let dataset = stored_dataset(&store, owner).await;
    let blob_hash = stored_blob(&store, "dataset.json").await;
    let made = store
        .write(move |tx| async move { versions::insert(&tx, dataset, json!({}), Vec::new()).await })
        .await;
    let id: DatasetVersionId = made.unwrap().id.0;
    let step = |step| move |tx| async move { versions::step(&tx, id, step).await };
    let mut version =
        Revised::new(&store, async || versions::get(&store.reader(), id).await.unwrap().revision).await;
    version.change(step(DatasetVersionStep::Build)).await;
    version.change(move |tx| async move { versions::fail(&tx, id, failure()).await }).await;
    version.change(step(DatasetVersionStep::Retry)).await;
    version.change(step(DatasetVersionStep::Build)).await;
    let frozen =
        Frozen { content_hash: "c0ffee".to_owned(), blob_hash, figures: json!({}), examples: Vec::new() };
    version.change(move |tx| async move { versions::freeze(&tx, id, frozen).await }).await;
    version.refuse(step(DatasetVersionStep::Build)).await;
    store.close().await.unwrap();
}

async fn each_change_of_a_model_test_is_its_next_revision(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id: ModelTestId = stored_test(&store, owner, "ft:a").await;
    let result_hash = stored_blob(&store, "result.json").await;
    let step = |step| move |tx| async move { model_tests::step(&tx, id, step).await };
    let mut test = Revised::new(&store, async || {
        model_tests::get(&store.reader(), Whose::Anyones, id).await.unwrap().revision
    })
    .await;
    test.change(step(ModelTestStep::Queue)).await;
    test.change(step(ModelTestStep::Run)).await;
    for done in 1..=3 {
        test.change(move |tx| async move { model_tests::report_done(&tx, id, done, 3).await }).await;
    }
    test.change(move |tx| async move { model_tests::fail(&tx, id, failure()).await }).await;
    test.refuse(step(ModelTestStep::Run)).await;
    test.change(step(ModelTestStep::Queue)).await;
    test.change(step(ModelTestStep::Run)).await;
    let results = Results { result_hash, figures: json!({}) };
    test.change(move |tx| async move { model_tests::complete(&tx, id, results).await }).await;
    store.close().await.unwrap();
}

async fn each_change_of_a_report_is_its_next_revision(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let (html, figures) = (stored_blob(&store, "<html>").await, stored_blob(&store, "{}").await);
    let id = stored_report(&store, owner, None).await;
    let step = |step| move |tx| async move { reports::step(&tx, id, step).await };
    let mut report = Revised::new(&store, async || {
        reports::get(&store.reader(), Whose::Anyones, id).await.unwrap().revision
    })
    .await;
    report.change(step(ReportStep::Generate)).await;
    report.change(move |tx| async move { reports::fail(&tx, id, failure()).await }).await;
    report.change(step(ReportStep::Retry)).await;
    report.change(step(ReportStep::Generate)).await;
    report.change(move |tx| async move { reports::complete(&tx, id, html, figures).await }).await;
    report.refuse(step(ReportStep::Generate)).await;
    store.close().await.unwrap();
}
