//! Quotas, as other services ask for them.

use gradus_app::accounts::{AccountSettings, Accounts, Caller, Quotas};
use gradus_domain::{
    DocumentId, DocumentPurpose, DocumentState, Role, TrainingJobId, TrainingJobState, UserId,
};
use gradus_store::documents::{self, Document};
use gradus_store::training_jobs::{self, TrainingJob};
use gradus_store::{Json, Key, StoreError, Text, Transaction, blob_records};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{Server, server_with};

each_database!(
    a_document_beyond_the_quota_is_refused_with_what_to_do,
    two_uploads_at_once_do_not_both_take_the_last_place,
    one_more_job_than_allowed_is_refused_and_each_user_has_their_own,
);

fn settings(quotas: Quotas) -> AccountSettings {
    AccountSettings { quotas, ..AccountSettings::default() }
}

/// Adds a document as an upload does; the code of the refusal where there was one.
async fn upload(server: &Server, quotas: Quotas, owner: &Caller, bytes: u64) -> Result<(), String> {
    let owner = owner.user;
    let written = server.store.write(move |change| async move {
        match quotas.admit_document(&Accounts::usage(&change, owner).await?, bytes) {
            Err(refusal) => Ok(Err(refusal.to_string())),
            Ok(()) => insert_document(&change, owner, bytes).await.map(Ok),
        }
    });
    written.await.unwrap()
}

async fn insert_document(change: &Transaction, owner: UserId, bytes: u64) -> Result<(), StoreError> {
    let hash = "ab".repeat(32);
    blob_records::announce(change, &hash, 1).await?;
    blob_records::settle(change, &hash).await?;
    let document = Document {
        id: Key(DocumentId::new()),
        owner_id: Key(owner),
        name: "guide.docx".to_owned(),
        purpose: Text(DocumentPurpose::Guide),
        state: Text(DocumentState::Uploaded),
        blob_hash: hash,
        bytes: i64::try_from(bytes).unwrap(),
        format: None,
        pages: None,
        quality: None,
        text_hash: None,
        findings: Json(serde_json::json!({})),
        failure: None,
        metadata: Json(serde_json::json!({})),
        expires_at: None,
        created_at: change.now(),
        updated_at: change.now(),
        revision: 1,
    };
    documents::insert(change, document).await
}

async fn start_job(server: &Server, quotas: Quotas, owner: &Caller) -> Result<(), String> {
    let owner = owner.user;
    let written = server.store.write(move |change| async move {
        match quotas.admit_job(&Accounts::usage(&change, owner).await?) {
            Err(refusal) => Ok(Err(refusal.to_string())),
            Ok(()) => insert_job(&change, owner).await.map(Ok),
        }
    });
    written.await.unwrap()
}

async fn insert_job(change: &Transaction, owner: UserId) -> Result<(), StoreError> {
    let job = TrainingJob {
        id: Key(TrainingJobId::new()),
        owner_id: Key(owner),
        name: "biology".to_owned(),
        state: Text(TrainingJobState::Queued),
        dataset_version_id: None,
        training_document_id: None,
        validation_document_id: None,
        base_model: "smollm2-135m-instruct".to_owned(),
        from_model_id: None,
        resume_checkpoint_id: None,
        settings: Json(serde_json::json!({})),
        suffix: None,
        step: 0,
        steps: None,
        progress: Json(Default::default()),
        event_seq: 0,
        failure: None,
        metadata: Json(serde_json::json!({})),
        created_at: change.now(),
        started_at: None,
        finished_at: None,
        updated_at: change.now(),
    };
    training_jobs::insert(change, job).await
}

async fn a_document_beyond_the_quota_is_refused_with_what_to_do(database: &TestDatabase) {
    let quotas = Quotas { documents: 2, document_bytes: 100, ..Quotas::default() };
    let server = server_with(database, settings(quotas)).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    upload(&server, quotas, &bob, 60).await.unwrap();
    let refused = upload(&server, quotas, &bob, 41).await.unwrap_err();
    assert_eq!(
        refused,
        "the file has 41 bytes and you have 40 left of 100; delete documents that you no longer need"
    );
    upload(&server, quotas, &bob, 40).await.unwrap();
    let refused = upload(&server, quotas, &bob, 0).await.unwrap_err();
    assert!(refused.starts_with("you have 2 documents, as many as one may have here"), "{refused}");
    // What bob has is not carol's.
    upload(&server, quotas, &carol, 100).await.unwrap();
    server.close().await;
}

async fn two_uploads_at_once_do_not_both_take_the_last_place(database: &TestDatabase) {
    let quotas = Quotas { documents: 1, ..Quotas::default() };
    let (one, other) =
        (server_with(database, settings(quotas)).await, server_with(database, settings(quotas)).await);
    let carol = one.administrator().await;
    let (first, second) = tokio::join!(upload(&one, quotas, &carol, 1), upload(&other, quotas, &carol, 1));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    one.close().await;
    other.close().await;
}

async fn one_more_job_than_allowed_is_refused_and_each_user_has_their_own(database: &TestDatabase) {
    let quotas = Quotas { running_jobs: 2, ..Quotas::default() };
    let server = server_with(database, settings(quotas)).await;
    let carol = server.administrator().await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    start_job(&server, quotas, &bob).await.unwrap();
    start_job(&server, quotas, &bob).await.unwrap();
    let refused = start_job(&server, quotas, &bob).await.unwrap_err();
    assert!(refused.starts_with("2 of your training jobs wait or run"), "{refused}");
    start_job(&server, quotas, &carol).await.unwrap();
    // One that is over makes place.
    let jobs = training_jobs::live(&server.store.reader(), bob.whose()).await.unwrap();
    let id = jobs[0].id.0;
    let cancel = gradus_domain::TrainingJobStep::Cancel;
    server
        .store
        .write(move |change| async move { training_jobs::step(&change, id, cancel, None).await })
        .await
        .unwrap();
    start_job(&server, quotas, &bob).await.unwrap();
    server.close().await;
}
