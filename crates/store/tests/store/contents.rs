//! Documents, datasets, models, tests and reports: whose they are, who may see them, what keeps them from being deleted.

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{
    DatasetId, DatasetVersionStep, DocumentPurpose, DocumentStep, ModelTestId, ModelTestState, ModelTestStep,
    ReportId, ReportState, ReportStep, SubmissionId, UserId,
};
use gradus_store::datasets::versions::{Frozen, Source};
use gradus_store::datasets::{self, Dataset, examples, sources, versions};
use gradus_store::documents::{self, Reading};
use gradus_store::files::StoredFile;
use gradus_store::model_tests::submissions::{self, Marked, Submission};
use gradus_store::model_tests::{self, ModelTest, Results};
use gradus_store::reports::{self, Report};
use gradus_store::shares::{self, Shared};
use gradus_store::{Json, Key, PageRequest, Store, StoreError, Text, Whose, files, models};
use gradus_testkit::TestDatabase;
use serde_json::json;

use super::each_database;
use super::samples::{model, refusal, stored_blob, stored_document, stored_user};

each_database!(
    a_document_is_read_back_as_written_through_all_its_states,
    others_neither_see_nor_delete_a_document,
    usage_is_counted_by_owner,
    a_dataset_is_versioned_frozen_and_shared,
    a_document_that_a_dataset_needs_stays,
    a_model_keeps_its_files_and_its_name,
    a_test_keeps_submissions_and_results,
    a_report_keeps_its_pages,
);

fn failure() -> Failure {
    Failure {
        category: Category::Input,
        severity: Severity::Error,
        is_transient: false,
        message: "page 3 cannot be read".to_owned(),
    }
}

async fn a_document_is_read_back_as_written_through_all_its_states(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id = stored_document(&store, owner, "guide").await;
    let text_hash = stored_blob(&store, "its text").await;
    let get = async || documents::get(&store.reader(), Whose::Of(owner), id).await.unwrap();
    assert_eq!(get().await.metadata.0, json!({"class": "7b", "ä": ["ü", 1.5, null]}));

    let step = async |step| store.write(move |tx| async move { documents::step(&tx, id, step).await }).await;
    assert!(matches!(step(DocumentStep::Accept).await, Err(StoreError::NotNow(_))));
    step(DocumentStep::Extract).await.unwrap();
    store.write(move |tx| async move { documents::reject(&tx, id, failure()).await }).await.unwrap();
    assert_eq!(get().await.failure.unwrap().0, failure());
    step(DocumentStep::Retry).await.unwrap();
    step(DocumentStep::Extract).await.unwrap();
    let reading = Reading {
        format: "docx".to_owned(),
        pages: Some(3),
        quality: Some(0.97),
        text_hash: text_hash.clone(),
        findings: json!({"attempts": ["docx"]}),
    };
    store.write(move |tx| async move { documents::accept(&tx, id, reading).await }).await.unwrap();
    let document = get().await;
    assert_eq!(document.state.to_string(), "ready");
    assert_eq!(
        (document.pages, document.quality, document.text_hash),
        (Some(3), Some(0.97), Some(text_hash))
    );
    assert_eq!(document.failure, None);
    store.close().await.unwrap();
}

async fn others_neither_see_nor_delete_a_document(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let id = stored_document(&store, ada, "guide").await;
    let seen = async |whose| {
        documents::page(&store.reader(), whose, None, &PageRequest::first(10)).await.unwrap().items.len()
    };
    assert_eq!(
        (seen(Whose::Of(ada)).await, seen(Whose::Of(bob)).await, seen(Whose::Anyones).await),
        (1, 0, 1)
    );
    assert!(matches!(
        documents::get(&store.reader(), Whose::Of(bob), id).await,
        Err(StoreError::NotFound { .. })
    ));
    let refused =
        store.write(move |tx| async move { documents::delete(&tx, Whose::Of(bob), id).await }).await;
    assert_eq!(refusal(refused), format!("there is no document {id}"));
    let purposes = documents::page(
        &store.reader(),
        Whose::Of(ada),
        Some(DocumentPurpose::Answers),
        &PageRequest::first(10),
    )
    .await;
    assert_eq!(purposes.unwrap().items, []);
    store.write(move |tx| async move { documents::delete(&tx, Whose::Of(ada), id).await }).await.unwrap();
    assert_eq!(seen(Whose::Anyones).await, 0);
    store.close().await.unwrap();
}

async fn usage_is_counted_by_owner(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    stored_document(&store, ada, "one").await;
    stored_document(&store, ada, "two").await;
    assert_eq!(documents::usage(&store.reader(), ada).await.unwrap(), (2, 2468));
    assert_eq!(documents::usage(&store.reader(), bob).await.unwrap(), (0, 0));
    store.close().await.unwrap();
}

pub(crate) async fn stored_dataset(store: &Store, owner: UserId) -> DatasetId {
    store
        .write(move |tx| async move {
            let id = DatasetId::new();
            let dataset = Dataset {
                id: Key(id),
                owner_id: Key(owner),
                name: "Biology".to_owned(),
                description: String::new(),
                metadata: Json(json!({})),
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            datasets::insert(&tx, dataset).await?;
            Ok(id)
        })
        .await
        .unwrap()
}

async fn a_dataset_is_versioned_frozen_and_shared(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let dataset = stored_dataset(&store, ada).await;
    let guide = stored_document(&store, ada, "guide").await;
    let answers = stored_document(&store, ada, "answers").await;
    let of = vec![
        Source { document: guide, role: "guide".to_owned() },
        Source { document: answers, role: "answers".to_owned() },
    ];
    let mut ids = Vec::new();
    for number in [1, 2] {
        let of = of.clone();
        let version = store
            .write(move |tx| async move { versions::insert(&tx, dataset, json!({"seed": 1}), of).await })
            .await;
        let version = version.unwrap();
        assert_eq!(version.number, number);
        ids.push(version.id.0);
    }
    assert_eq!(sources::of_version(&store.reader(), ids[0]).await.unwrap(), of);

    let id = ids[0];
    let blob_hash = stored_blob(&store, "dataset.json").await;
    let examples: Vec<_> = (0..1200)
        .map(|number| examples::NewExample {
            part: "train".to_owned(),
            question: "Q1".to_owned(),
            student: None,
            answer: format!("answer {number}"),
            verdict: "2".to_owned(),
        })
        .collect();
    let frozen =
        Frozen { content_hash: "c0ffee".to_owned(), blob_hash, figures: json!({"leaks": 0}), examples };
    let too_early = frozen.clone();
    let refused = store.write(move |tx| async move { versions::freeze(&tx, id, too_early).await }).await;
    assert!(matches!(refused, Err(StoreError::NotNow(_))));
    store
        .write(move |tx| async move {
            versions::step(&tx, id, DatasetVersionStep::Build).await?;
            versions::freeze(&tx, id, frozen).await
        })
        .await
        .unwrap();
    let version = versions::get(&store.reader(), id).await.unwrap();
    assert_eq!((version.state.to_string().as_str(), version.examples), ("ready", 1200));
    let last = examples::from(&store.reader(), id, 1198, 10).await.unwrap();
    assert_eq!(
        last.iter().map(|example| example.answer.as_str()).collect::<Vec<_>>(),
        ["answer 1198", "answer 1199"]
    );

    let sees = async |user| datasets::get(&store.reader(), Whose::Of(user), dataset).await.is_ok();
    let shared = Shared::Dataset(dataset);
    assert!(sees(ada).await && !sees(bob).await);
    for _ in 0..2 {
        store.write(move |tx| async move { shares::grant(&tx, shared, bob).await }).await.unwrap();
    }
    assert!(sees(bob).await);
    assert_eq!(shares::users(&store.reader(), shared).await.unwrap(), [bob]);
    // Seeing is not owning.
    for refused in [
        store.write(move |tx| async move { datasets::delete(&tx, Whose::Of(bob), dataset).await }).await,
        store
            .write(move |tx| async move {
                datasets::rename(&tx, Whose::Of(bob), dataset, Some("mine".to_owned()), None).await
            })
            .await,
    ] {
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    }
    assert!(store.write(move |tx| async move { shares::revoke(&tx, shared, bob).await }).await.unwrap());
    assert!(!sees(bob).await);
    let nobody = UserId::new();
    let refused = store.write(move |tx| async move { shares::grant(&tx, shared, nobody).await }).await;
    assert_eq!(refusal(refused), format!("there is no user {nobody}"));
    store.close().await.unwrap();
}

async fn a_document_that_a_dataset_needs_stays(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let dataset = stored_dataset(&store, ada).await;
    let guide = stored_document(&store, ada, "guide").await;
    let of = vec![Source { document: guide, role: "guide".to_owned() }];
    store.write(move |tx| async move { versions::insert(&tx, dataset, json!({}), of).await }).await.unwrap();
    let refused =
        store.write(move |tx| async move { documents::delete(&tx, Whose::Of(ada), guide).await }).await;
    assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    store
        .write(move |tx| async move {
            datasets::delete(&tx, Whose::Of(ada), dataset).await?;
            documents::delete(&tx, Whose::Of(ada), guide).await
        })
        .await
        .unwrap();
    store.close().await.unwrap();
}

async fn stored_model(
    store: &Store,
    owner: UserId,
    name: &'static str,
) -> Result<gradus_domain::ModelId, StoreError> {
    let blob_hash = stored_blob(store, "adapter").await;
    store
        .write(move |tx| async move {
            let model = model(owner, name, &tx);
            let id = model.id.0;
            let file =
                StoredFile { name: "adapter/adapter_model.safetensors".to_owned(), blob_hash, bytes: 7 };
            models::insert(&tx, model, vec![file]).await?;
            Ok(id)
        })
        .await
}

async fn a_model_keeps_its_files_and_its_name(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let id = stored_model(&store, ada, "ft:smollm2:ada:1").await.unwrap();
    let twice = stored_model(&store, bob, "ft:smollm2:ada:1").await;
    assert_eq!(refusal(twice), "there is already a model with this name");
    let stored = files::of_model::files(&store.reader(), id).await.unwrap();
    assert_eq!((stored.len(), stored[0].name.as_str()), (1, "adapter/adapter_model.safetensors"));
    let find = async |user| {
        models::find_by_name(&store.reader(), Whose::Of(user), "ft:smollm2:ada:1").await.unwrap()
    };
    assert!(find(ada).await.is_some() && find(bob).await.is_none());
    store.write(move |tx| async move { shares::grant(&tx, Shared::Model(id), bob).await }).await.unwrap();
    assert!(find(bob).await.is_some());
    store.write(move |tx| async move { models::delete(&tx, Whose::Of(ada), id).await }).await.unwrap();
    assert!(files::of_model::files(&store.reader(), id).await.unwrap().is_empty());
    store.close().await.unwrap();
}

pub(crate) async fn stored_test(store: &Store, owner: UserId, name: &'static str) -> ModelTestId {
    let model = stored_model(store, owner, name).await.unwrap();
    store
        .write(move |tx| async move {
            let test = ModelTest {
                id: Key(ModelTestId::new()),
                owner_id: Key(owner),
                name: "spring".to_owned(),
                model_id: Key(model),
                dataset_version_id: None,
                state: Text(ModelTestState::Draft),
                settings: Json(json!({})),
                done: 0,
                total: 0,
                result_hash: None,
                figures: Json(json!(null)),
                failure: None,
                created_at: tx.now(),
                started_at: None,
                finished_at: None,
                updated_at: tx.now(),
                revision: 1,
            };
            let id = test.id.0;
            model_tests::insert(&tx, test).await?;
            Ok(id)
        })
        .await
        .unwrap()
}

async fn a_test_keeps_submissions_and_results(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let id = stored_test(&store, ada, "ft:a").await;
    let ids: Vec<_> = (0..3).map(|_| SubmissionId::new()).collect();
    let added = ids.clone();
    let add = move |tx: gradus_store::Transaction| async move {
        let rows = added.into_iter().zip(0..).map(|(submission, position)| Submission {
            id: Key(submission),
            model_test_id: Key(id),
            position,
            document_id: None,
            student: Some("s1".to_owned()),
            question: Some("Q1".to_owned()),
            answer: "because".to_owned(),
            expected: Some("2".to_owned()),
            verdict: None,
            confidence: None,
            needs_person: None,
            details: Json(json!({})),
            failure: None,
            created_at: tx.now(),
            marked_at: None,
        });
        submissions::insert_all(&tx, rows.collect()).await
    };
    store.write(add).await.unwrap();
    assert_eq!(submissions::count(&store.reader(), id).await.unwrap(), 3);

    let second = ids[1];
    let result_hash = stored_blob(&store, "results").await;
    store
        .write(move |tx| async move {
            model_tests::step(&tx, id, ModelTestStep::Queue).await?;
            model_tests::step(&tx, id, ModelTestStep::Run).await?;
            let marked = Marked {
                verdict: "1".to_owned(),
                confidence: f64::NAN,
                needs_person: true,
                details: json!({"probabilities": [0.2, 0.8]}),
            };
            submissions::mark(&tx, second, marked).await?;
            model_tests::report_done(&tx, id, 1, 3).await
        })
        .await
        .unwrap();
    let marked = submissions::from(&store.reader(), id, 1, 1).await.unwrap().remove(0);
    assert_eq!(
        (marked.verdict.as_deref(), marked.confidence, marked.needs_person),
        (Some("1"), None, Some(true))
    );
    store
        .write(move |tx| async move {
            let results = Results { result_hash, figures: json!({"kappa": 0.8}) };
            model_tests::complete(&tx, id, results).await
        })
        .await
        .unwrap();
    let test = model_tests::get(&store.reader(), Whose::Of(ada), id).await.unwrap();
    assert_eq!((test.state.0, test.done, test.total), (ModelTestState::Completed, 1, 3));
    assert!(test.started_at.is_some() && test.finished_at.is_some());
    let refused = store.write(move |tx| async move { model_tests::fail(&tx, id, failure()).await }).await;
    assert!(matches!(refused, Err(StoreError::NotNow(_))));
    store.write(move |tx| async move { model_tests::delete(&tx, Whose::Of(ada), id).await }).await.unwrap();
    assert_eq!(submissions::count(&store.reader(), id).await.unwrap(), 0);
    store.close().await.unwrap();
}

/// A report that waits for its worker.
pub(crate) async fn stored_report(store: &Store, owner: UserId, test: Option<ModelTestId>) -> ReportId {
    let id = ReportId::new();
    store
        .write(move |tx| async move {
            let report = Report {
                id: Key(id),
                owner_id: Key(owner),
                kind: "model-test".to_owned(),
                name: "spring".to_owned(),
                state: Text(ReportState::Queued),
                training_job_id: None,
                model_test_id: test.map(Key),
                other_model_test_id: None,
                html_hash: None,
                json_hash: None,
                failure: None,
                created_at: tx.now(),
                finished_at: None,
                revision: 1,
            };
            reports::insert(&tx, report).await
        })
        .await
        .unwrap();
    id
}

async fn a_report_keeps_its_pages(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let test = stored_test(&store, ada, "ft:a").await;
    let (html, json_hash) = (stored_blob(&store, "<html>").await, stored_blob(&store, "{}").await);
    let id = stored_report(&store, ada, Some(test)).await;
    store
        .write(move |tx| async move {
            reports::step(&tx, id, ReportStep::Generate).await?;
            reports::fail(&tx, id, failure()).await?;
            reports::step(&tx, id, ReportStep::Retry).await?;
            reports::step(&tx, id, ReportStep::Generate).await?;
            reports::complete(&tx, id, html, json_hash).await
        })
        .await
        .unwrap();
    let report = reports::get(&store.reader(), Whose::Of(ada), id).await.unwrap();
    assert_eq!((report.state.0, report.failure), (ReportState::Completed, None));
    let refused =
        store.write(move |tx| async move { model_tests::delete(&tx, Whose::Of(ada), test).await }).await;
    assert!(matches!(refused, Err(StoreError::InUse { .. })));
    store.write(move |tx| async move { reports::delete(&tx, Whose::Of(ada), id).await }).await.unwrap();
    store.write(move |tx| async move { model_tests::delete(&tx, Whose::Of(ada), test).await }).await.unwrap();
    store.close().await.unwrap();
}
