//! What a server does for its users: documents, datasets, training jobs, models, model tests, reports. A call writes what
//! is wanted and queues the work that follows from it in one transaction; workers do it ([`crate::worker`]).

mod archive;
pub mod backup;
pub mod comparison;
mod conversation_jobs;
pub mod conversations;
pub mod datasets;
pub mod documents;
pub mod effort;
mod error_events;
pub mod health;
pub mod model_tests;
pub mod models;
pub mod operations;
pub mod reports;
mod restored_models;
pub mod serving;
pub mod training_jobs;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;

use gradus_domain::{Id, JobKind, UserId};
use gradus_store::blobs::BlobStore;
use gradus_store::idempotency::Attempt;
use gradus_store::queue::{self, Work};
use gradus_store::{Store, StoreError, Transaction};

pub use archive::{Archive, GRACE};

use crate::Error;
use crate::accounts::{Accounts, Quotas};
use crate::models::{Catalogue, ModelStore};
use restored_models::RestoredModels;

/// Everything that the services and the workers of one process share.
#[derive(Clone)]
pub struct Services {
    /// What is remembered.
    pub store: Store,
    /// The bytes that it refers to.
    pub archive: Archive,
    /// Base models on this machine.
    pub base_models: ModelStore,
    /// Base models that can be had.
    pub catalogue: Arc<Catalogue>,
    /// Holds what work under way needs on disk; anything in it may be deleted between jobs. `models` in it has the
    /// files of trained models that are asked, which may be deleted while nobody holds a lease on them.
    pub work_directory: PathBuf,
    /// The files of trained models that are asked.
    restored_models: RestoredModels,
    /// How much one user may have.
    pub quotas: Quotas,
}

impl Services {
    /// The services over a database and a blob store.
    pub fn new(
        (store, blobs): (Store, BlobStore),
        (base_models, catalogue): (ModelStore, Arc<Catalogue>),
        work_directory: PathBuf,
        quotas: Quotas,
    ) -> Self {
        Self {
            archive: Archive::new(store.clone(), blobs),
            store,
            base_models,
            catalogue,
            restored_models: RestoredModels::new(work_directory.join("models")),
            work_directory,
            quotas,
        }
    }
}

impl Services {
    /// The same services for the work of a request under an idempotency key ([`Store::under`]). Bytes that they put into
    /// the archive are no work yet: nothing refers to them until rows do.
    #[must_use]
    pub fn under(&self, attempt: Attempt) -> Self {
        Self { store: self.store.under(attempt), ..self.clone() }
    }

    /// Runs `work` in a transaction, which a failure of the database and a refusal undo.
    async fn write<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.store.write_unless_refused(work).await
    }
}

/// Queues work on a thing of a user's, who may have it queued ([`admit_work`]).
async fn queue_work(
    transaction: &Transaction,
    kind: JobKind,
    user: UserId,
    subject: impl Id,
) -> Result<(), StoreError> {
    let work = Work { kind, user: Some(user), subject: Some(subject.uuid()), priority: 0, run_at: None };
    queue::enqueue(transaction, work).await.map(|_| ())
}

/// Makes sure that a user may have one more dataset, version, model test or report, in the transaction that adds it.
async fn admit_thing(transaction: &Transaction, quotas: Quotas, user: UserId) -> Result<(), Error> {
    Ok(quotas.admit_thing(Accounts::things(transaction, user).await?)?)
}

/// Makes sure that one more piece of work of a user's may wait, in the transaction that queues it. From here on, whatever
/// else adds to the user's things waits.
async fn admit_work(transaction: &Transaction, quotas: Quotas, user: UserId) -> Result<(), Error> {
    Ok(quotas.admit_work(&Accounts::usage(transaction, user).await?)?)
}

/// Runs what waits for a disk beside the event loop.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failure| match failure.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The process is shutting down.
        Err(_) => Err(Error::Interrupted),
    })
}
