//! Things of a user's, made as clients and workers make them.

use gradus_app::store::datasets::examples::NewExample;
use gradus_app::store::datasets::versions::{self, Frozen};
use gradus_app::store::files::StoredFile;
use gradus_app::store::model_tests::{self, Results};
use gradus_app::store::models::{self, TrainedModel};
use gradus_app::store::training_jobs::checkpoints::{self, Checkpoint};
use gradus_app::store::training_jobs::events::{self, NewEvent};
use gradus_app::store::{Json, Key, StoreError, reports};
use gradus_domain::{
    CheckpointId, DatasetVersionId, DatasetVersionStep, Id as _, ModelId, ModelTestId, ModelTestStep,
    ReportId, ReportStep, TrainingJobId,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::asking::Ask;
use crate::people::Person;
use crate::server::Server;

/// The id in an answer.
pub(crate) fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}")).to_owned()
}

pub(crate) fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// A route's path with the ids of nothing in it.
pub(crate) fn filled(path: &str) -> String {
    let fill = |part: &str| match part {
        "{id}" => "00000000-0000-0000-0000-000000000001".to_owned(),
        "{file_id}" => format!("file-{}", "0".repeat(32)),
        "{fine_tuning_job_id}" => format!("ftjob-{}", "0".repeat(32)),
        part if part.starts_with('{') => "x".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

impl Server {
    /// An uploaded document of a purpose, which can be used for it.
    pub(crate) async fn document(&self, person: &Person, purpose: &str) -> String {
        let name = &person.caller.name;
        let content = match purpose {
            "conversations" => json!({ "messages": [
                { "role": "user", "content": format!("I am {name}.") },
                { "role": "assistant", "content": "Hello." },
            ] })
            .to_string(),
            _ => format!("{purpose} of {name}"),
        };
        let path = format!("/api/v1/documents?name=file.txt&purpose={purpose}");
        let ask = person.post(&path).header("content-type", "application/octet-stream");
        id(&self.ok(ask.body(content)).await)
    }

    /// A form with a file and what is said about it.
    pub(crate) fn upload(&self, person: &Person, file: &[u8], name: &str, fields: &[(&str, &str)]) -> Ask {
        let boundary = "a-boundary-of-this-test";
        let field = |(name, value): &(&str, &str)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let fields: String = fields.iter().map(field).collect();
        let kind = format!("multipart/form-data; boundary={boundary}");
        let end = format!("--{boundary}--\r\n");
        let body = [head.as_bytes(), file, b"\r\n", fields.as_bytes(), end.as_bytes()];
        person.post("/api/v1/documents").header("content-type", &kind).body(body.concat())
    }

    /// A dataset with a version that waits to be built.
    pub(crate) async fn dataset(&self, person: &Person) -> (String, String) {
        let guide = self.document(person, "guide").await;
        let answers = self.document(person, "answers").await;
        let new = json!({ "name": "Biology", "version": { "guide": guide, "answers": [answers] } });
        let made = self.ok(person.post("/api/v1/datasets").json(&new)).await;
        (id(&made["dataset"]), id(&made["versions"][0]))
    }

    /// A dataset whose version a worker has built.
    pub(crate) async fn ready_dataset(&self, person: &Person) -> (String, String) {
        let (dataset, version) = self.dataset(person).await;
        let blob = self.state.services.archive.keep_bytes(version.clone().into_bytes()).await.unwrap();
        let row = DatasetVersionId::from_uuid(uuid(&version));
        let example = |number: usize| NewExample {
            part: "train".to_owned(),
            question: "1".to_owned(),
            student: Some(format!("student {number}")),
            answer: "Leaves are green.".to_owned(),
            verdict: "2".to_owned(),
        };
        let frozen = Frozen {
            content_hash: "c".repeat(64),
            blob_hash: blob.hash.to_string(),
            figures: json!({ "examples": 5 }),
            examples: (0..5).map(example).collect(),
        };
        self.write(move |change| async move {
            versions::step(&change, row, DatasetVersionStep::Build).await?;
            versions::freeze(&change, row, frozen).await
        })
        .await;
        (dataset, version)
    }

    /// A training job on conversations, waiting for a worker.
    pub(crate) async fn training_job(&self, person: &Person) -> String {
        let conversations = self.document(person, "conversations").await;
        let new = json!({
            "name": "Chat", "base_model": "smollm2-135m-instruct", "training_document": conversations,
            "settings": { "epochs": 2 },
        });
        id(&self.ok(person.post("/api/v1/training-jobs").json(&new)).await)
    }

    /// What a worker says of a run.
    pub(crate) async fn say(&self, job: &str, data: Value) {
        let row = TrainingJobId::from_uuid(uuid(job));
        let kind = if data.is_null() { "message" } else { "metrics" };
        let event = NewEvent { kind, level: "info", message: "A step.".to_owned(), data };
        self.write(move |change| async move { events::append(&change, row, event).await.map(|_| ()) }).await;
    }

    /// A checkpoint that a worker stored.
    pub(crate) async fn checkpoint(&self, job: &str) -> String {
        let row = CheckpointId::new();
        let (job, stored) =
            (TrainingJobId::from_uuid(uuid(job)), self.stored_file("step-10/optimizer.bin").await);
        self.write(move |change| async move {
            let checkpoint = Checkpoint {
                id: Key(row),
                training_job_id: Key(job),
                step: 10,
                training_loss: Some(1.25),
                validation_loss: None,
                bytes: 3,
                created_at: change.now(),
            };
            checkpoints::insert(&change, checkpoint, vec![stored]).await
        })
        .await;
        row.to_string()
    }

    /// A trained model with two files.
    pub(crate) async fn model(&self, person: &Person) -> String {
        let (row, owner) = (ModelId::new(), person.caller.user);
        let stored =
            vec![self.stored_file("adapter.bin").await, self.stored_file("exports/model.gguf").await];
        self.write(move |change| async move {
            let model = TrainedModel {
                id: Key(row),
                owner_id: Key(owner),
                name: format!("ft:smollm2-135m-instruct:biology:{row}"),
                kind: "marking".to_owned(),
                base_model: "smollm2-135m-instruct".to_owned(),
                training_job_id: None,
                step: Some(40),
                bytes: 3,
                figures: Json(json!({ "agreement": 0.9 })),
                metadata: Json(json!({})),
                created_at: change.now(),
            };
            models::insert(&change, model, stored).await
        })
        .await;
        row.to_string()
    }

    /// A draft of a model test.
    pub(crate) async fn model_test(&self, person: &Person) -> String {
        let (model, (_, version)) = (self.model(person).await, self.ready_dataset(person).await);
        let new = json!({ "name": "June", "model": model, "dataset_version": version, "held_out": true });
        id(&self.ok(person.post("/api/v1/model-tests").json(&new)).await)
    }

    /// A model test that a worker has run.
    pub(crate) async fn completed_test(&self, person: &Person) -> String {
        let test = self.model_test(person).await;
        self.ok(person.post(&format!("/api/v1/model-tests/{test}/run"))).await;
        let row = ModelTestId::from_uuid(uuid(&test));
        let blob = self.state.services.archive.keep_bytes(test.clone().into_bytes()).await.unwrap();
        let results = Results { result_hash: blob.hash.to_string(), figures: json!({ "kappa": 0.8 }) };
        self.write(move |change| async move {
            model_tests::step(&change, row, ModelTestStep::Run).await?;
            model_tests::complete(&change, row, results).await
        })
        .await;
        test
    }

    /// A report that waits to be written.
    pub(crate) async fn report(&self, person: &Person) -> String {
        let test = self.completed_test(person).await;
        id(&self
            .ok(person.post("/api/v1/reports").json(&json!({ "name": "June", "model_test": test })))
            .await)
    }

    /// What a worker writes of a report.
    pub(crate) async fn write_report(&self, report: &str, html: &str) {
        let row = ReportId::from_uuid(uuid(report));
        let html = self.state.services.archive.keep_bytes(html.as_bytes().to_vec()).await.unwrap();
        let figures = self.state.services.archive.keep_bytes(b"{\"kappa\":0.8}".to_vec()).await.unwrap();
        self.write(move |change| async move {
            reports::step(&change, row, ReportStep::Generate).await?;
            reports::complete(&change, row, html.hash.to_string(), figures.hash.to_string()).await
        })
        .await;
    }

    /// How many things of every kind there are that a user could make.
    pub(crate) async fn count(&self, person: &Person, path: &str) -> usize {
        self.ok(person.get(&format!("{path}?limit=200"))).await["items"].as_array().unwrap().len()
    }

    pub(crate) async fn write<F, W>(&self, work: W)
    where
        W: FnOnce(gradus_app::store::Transaction) -> F + Send + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        self.state.services.store.write(work).await.unwrap();
    }

    async fn stored_file(&self, name: &str) -> StoredFile {
        let blob = self.state.services.archive.keep_bytes(name.as_bytes().to_vec()).await.unwrap();
        StoredFile { name: name.to_owned(), blob_hash: blob.hash.to_string(), bytes: blob.bytes }
    }
}
