//! A database, blobs, a tiny base model and the services over them, as a server has them; and worker processes.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gradus_app::accounts::Quotas;
use gradus_app::domain::{
    DatasetVersionId, DatasetVersionState, DocumentId, DocumentPurpose, DocumentState, ModelId, Role,
    SystemClock, TrainingJobId, UserId, Word as _,
};
use gradus_app::grading::dataset::DatasetOptions;
use gradus_app::models::{Catalogue, CatalogueSettings, ModelStore};
use gradus_app::service::Services;
use gradus_app::service::datasets::VersionRequest;
use gradus_app::service::documents::NewDocument;
use gradus_app::service::training_jobs::{NewTrainingJob, TrainOn, TrainingSettings};
use gradus_app::store::blobs::{BlobLocation, BlobStore, BucketOptions};
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::users::{self, User};
use gradus_app::store::{DatabaseLocation, Opening, Store, Timekeeper, Transaction, Whose, files, models};
use gradus_testkit::{Kind, TestDatabase};
use serde_json::json;

use crate::base_model;
use crate::course;
use crate::gradus::Place;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Short, so that a lost worker's job is soon another's.
pub(crate) const LEASE_SECONDS: u64 = 2;

/// What a server has.
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) services: Services,
    pub(crate) owner: UserId,
    pub(crate) database: TestDatabase,
}

impl Site {
    pub(crate) async fn new(kind: Kind) -> Option<Self> {
        Self::owned(kind, async |store| stored_user(store).await).await
    }

    /// One whose owner is made, or found, by `owner`.
    pub(crate) async fn owned(kind: Kind, owner: impl AsyncFnOnce(&Store) -> UserId) -> Option<Self> {
        let (place, database) = Self::nothing(kind).await?;
        Some(Self::opened(place, database, owner).await)
    }

    /// A base model, and a database that nobody has opened.
    pub(crate) async fn nothing(kind: Kind) -> Option<(Place, TestDatabase)> {
        let database = TestDatabase::new(kind).await?;
        let place = Place::new();
        base_model::install(&place);
        Some((place, database))
    }

    /// The services over what is there.
    pub(crate) async fn opened(
        place: Place,
        database: TestDatabase,
        owner: impl AsyncFnOnce(&Store) -> UserId,
    ) -> Self {
        let data = place.path("data");
        let timekeeper = match &database.location {
            DatabaseLocation::Sqlite(_) => Timekeeper::Clock(Arc::new(SystemClock)),
            DatabaseLocation::Postgres(_) => Timekeeper::Database,
        };
        let store = Store::open(&database.location, Opening::MakeOrUpgrade, timekeeper).await.unwrap();
        let blobs = data.join("blobs");
        let blobs =
            BlobLocation::parse(blobs.to_str().unwrap(), BucketOptions::new(data.join("spool"))).unwrap();
        let blobs = BlobStore::open(&blobs).await.unwrap();
        let catalogue = Arc::new(Catalogue::new(&CatalogueSettings::default()));
        let services = Services::new(
            (store.clone(), blobs),
            (ModelStore::new(&data), catalogue),
            data.join("work"),
            Quotas { running_jobs: 1000, ..Quotas::default() },
        );
        let owner = owner(&store).await;
        Self { place, services, owner, database }
    }

    pub(crate) async fn remove(self) {
        self.services.store.clone().close().await.unwrap();
        self.database.remove().await;
    }

    /// A worker process that does everything.
    pub(crate) fn worker(&self) -> WorkerProcess {
        self.worker_with(&[])
    }

    /// As [`Self::worker`], with variables of the environment.
    pub(crate) fn worker_with(&self, variables: &[(&str, &str)]) -> WorkerProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradus"));
        self.place.prepare(&mut command);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.place.path("worker.log"))
            .unwrap();
        command
            .arg("worker")
            .env("GRADUS_DATABASE_LOCATION", self.database.address())
            .env("GRADUS_WORKERS_LEASE_SECONDS", LEASE_SECONDS.to_string())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        WorkerProcess(command.spawn().unwrap())
    }

    /// What the workers logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.place.path("worker.log")).unwrap_or_default())
            .into_owned()
    }

    /// Asks until there is an answer.
    pub(crate) async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {what}; the workers say:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn upload(&self, name: &str, purpose: &str, bytes: &[u8]) -> DocumentId {
        let mut spool = self.services.archive.spool().create().await.unwrap();
        spool.write(bytes).await.unwrap();
        let new = NewDocument {
            name: name.to_owned(),
            purpose: DocumentPurpose::parse(purpose).unwrap(),
            metadata: json!({}),
            expires_at: None,
        };
        let spooled = spool.finish().await.unwrap();
        self.services.add_document(self.owner, new, spooled).await.unwrap().id.0
    }

    pub(crate) async fn until_read(&self, id: DocumentId) {
        self.until("a document to be read", async || {
            let document = self.services.document(Whose::Anyones, id).await.unwrap();
            assert_ne!(document.state.0, DocumentState::Rejected, "{:?}", document.failure);
            (document.state.0 == DocumentState::Ready).then_some(())
        })
        .await;
    }

    /// A dataset version of the course, built by whichever worker runs.
    pub(crate) async fn dataset(&self) -> DatasetVersionId {
        let guide = self.upload("guide.md", "guide", course::GUIDE.as_bytes()).await;
        let answers = self.upload("answers.csv", "answers", course::answers().as_bytes()).await;
        self.until_read(guide).await;
        let options = DatasetOptions { validation_share: 0.2, test_share: 0.2, ..DatasetOptions::default() };
        let request = VersionRequest { guide, answers: vec![answers], options };
        let names = ("Leaves and roots".to_owned(), String::new());
        let (_, version) =
            self.services.add_dataset(self.owner, names, json!({}), Some(request)).await.unwrap();
        let id = version.unwrap().id.0;
        self.until("the dataset to be built", async || {
            let version = self.services.dataset_version(Whose::Anyones, id).await.unwrap();
            assert_ne!(version.state.0, DatasetVersionState::Failed, "{:?}", version.failure);
            (version.state.0 == DatasetVersionState::Ready).then_some(())
        })
        .await;
        id
    }

    pub(crate) async fn train(&self, version: DatasetVersionId, epochs: u32) -> TrainingJobId {
        let new = NewTrainingJob {
            name: "leaves".to_owned(),
            train_on: TrainOn::DatasetVersion(version),
            base_model: "tiny".to_owned(),
            from_model: None,
            settings: TrainingSettings {
                epochs: Some(epochs),
                batch_size: Some(4),
                learning_rate: Some(0.02),
                lora_rank: Some(4),
                checkpoint_every: Some(2),
                seed: Some(7),
                ..TrainingSettings::default()
            },
            suffix: Some("test".to_owned()),
            metadata: json!({}),
        };
        self.services.add_training_job(self.owner, new).await.unwrap().id.0
    }

    pub(crate) async fn job(&self, id: TrainingJobId) -> TrainingJob {
        self.services.training_job(Whose::Anyones, id).await.unwrap()
    }

    pub(crate) async fn until_job(
        &self,
        id: TrainingJobId,
        is_so: impl Fn(&TrainingJob) -> bool,
    ) -> TrainingJob {
        self.until("a training job", async || {
            let job = self.job(id).await;
            is_so(&job).then_some(job)
        })
        .await
    }

    /// The trained model of a job, and the hash of its parameters.
    pub(crate) async fn model_of(&self, id: TrainingJobId) -> (ModelId, String) {
        let reader = self.services.store.reader();
        let models = models::of_job(&reader, id).await.unwrap();
        assert_eq!(models.len(), 1, "one model of one job");
        let model = models[0].id.0;
        let files = files::of_model::files(&reader, model).await.unwrap();
        let parameters = files.iter().find(|file| file.name == "adapter_model.safetensors").unwrap();
        (model, parameters.blob_hash.clone())
    }
}

async fn stored_user(store: &Store) -> UserId {
    let add = |tx: Transaction| async move {
        let user = User::new("ada", "Ada".to_owned(), Role::Author, tx.now());
        let id = user.id.0;
        users::insert(&tx, user).await.map(|()| id)
    };
    store.write(add).await.unwrap()
}

/// A worker process, killed when it is dropped.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks it to end, and says how long it took.
    pub(crate) fn drain(&mut self) -> Duration {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = self.0.wait().unwrap();
        assert!(status.success(), "{status}");
        begun.elapsed()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
