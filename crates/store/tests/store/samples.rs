//! Rows to test with.

use chrono::Utc;
use gradus_domain::{
    DocumentId, DocumentPurpose, DocumentState, Id, JobKind, ModelId, Role, TrainingJobId, TrainingJobState,
    UserId,
};
use gradus_store::blob_records;
use gradus_store::documents::Document;
use gradus_store::models::TrainedModel;
use gradus_store::queue::{Claimant, Work};
use gradus_store::training_jobs::TrainingJob;
use gradus_store::users::{self, User};
use gradus_store::{Json, Key, Store, StoreError, Text, Transaction};
use uuid::Uuid;

pub(crate) fn user(name: &str) -> User {
    let moment = chrono::DateTime::<Utc>::from_timestamp_micros(1_700_000_000_000_001).unwrap();
    let password_hash = Some("$argon2id$…".to_owned());
    User { password_hash, ..User::new(name, name.to_uppercase(), Role::Author, moment) }
}

pub(crate) async fn stored_user(store: &Store, name: &str) -> UserId {
    let user = user(name);
    let id = user.id.0;
    store.write(|change| async move { users::insert(&change, user).await }).await.unwrap();
    id
}

/// A blob's hash, as long as a real one.
pub(crate) fn hash(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().chars().cycle().take(64).collect()
}

pub(crate) async fn stored_blob(store: &Store, text: &str) -> String {
    let hash = hash(text);
    let announced = hash.clone();
    let bytes = text.len() as u64;
    assert!(
        store
            .write(move |change| async move { blob_records::announce(&change, &announced, bytes).await })
            .await
            .unwrap()
    );
    hash
}

pub(crate) fn document(owner: UserId, blob_hash: &str, change: &Transaction) -> Document {
    Document {
        id: Key(DocumentId::new()),
        owner_id: Key(owner),
        name: "guide.docx".to_owned(),
        purpose: Text(DocumentPurpose::Guide),
        state: Text(DocumentState::Uploaded),
        blob_hash: blob_hash.to_owned(),
        bytes: 1234,
        format: None,
        pages: None,
        quality: None,
        text_hash: None,
        findings: Json(serde_json::json!({"attempts": []})),
        failure: None,
        metadata: Json(serde_json::json!({"class": "7b", "ä": ["ü", 1.5, null]})),
        expires_at: None,
        created_at: change.now(),
        updated_at: change.now(),
        revision: 1,
    }
}

pub(crate) async fn stored_document(store: &Store, owner: UserId, text: &str) -> DocumentId {
    let hash = stored_blob(store, text).await;
    store
        .write(move |change| async move {
            blob_records::settle(&change, &hash).await?;
            let document = document(owner, &hash, &change);
            let id = document.id.0;
            gradus_store::documents::insert(&change, document).await?;
            Ok(id)
        })
        .await
        .unwrap()
}

pub(crate) fn training_job(owner: UserId, change: &Transaction) -> TrainingJob {
    TrainingJob {
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
        settings: Json(serde_json::json!({"learning_rate": 4e-4})),
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
    }
}

pub(crate) async fn stored_training_job(store: &Store, owner: UserId) -> TrainingJobId {
    store
        .write(move |change| async move {
            let job = training_job(owner, &change);
            let id = job.id.0;
            gradus_store::training_jobs::insert(&change, job).await?;
            Ok(id)
        })
        .await
        .unwrap()
}

pub(crate) fn model(owner: UserId, name: &str, change: &Transaction) -> TrainedModel {
    TrainedModel {
        id: Key(ModelId::new()),
        owner_id: Key(owner),
        name: name.to_owned(),
        kind: "marking".to_owned(),
        base_model: "smollm2-135m-instruct".to_owned(),
        training_job_id: None,
        step: Some(400),
        bytes: 40_000_000,
        figures: Json(serde_json::json!({"accuracy": 0.8})),
        metadata: Json(serde_json::json!({})),
        created_at: change.now(),
    }
}

pub(crate) fn work(kind: JobKind, user: Option<UserId>) -> Work {
    Work { kind, user, subject: Some(Uuid::now_v7()), priority: 0, run_at: None }
}

pub(crate) fn claimant() -> Claimant {
    use gradus_domain::Word;
    Claimant {
        worker: Uuid::now_v7(),
        kinds: JobKind::ALL.to_vec(),
        lease: std::time::Duration::from_secs(15),
        most_per_user: 2,
    }
}

/// The failure of a change, in words.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    result.unwrap_err().to_string()
}

pub(crate) fn uuid_of(id: impl Id) -> Uuid {
    id.uuid()
}
