//! The kinds of work. A new kind is one file here, one implementation of [`Job`] and one line in [`job`].

mod build_dataset;
mod clean_up;
mod extract_document;
mod make_report;
mod run_model_test;
mod train;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{JobKind, Wish};
use gradus_store::{StoreError, Transaction};
use uuid::Uuid;

use super::assignment::Assignment;
use crate::Error;

/// The kind of work as it is done.
pub(super) fn job(kind: JobKind) -> Arc<dyn Job> {
    match kind {
        JobKind::ExtractDocument => Arc::new(extract_document::ExtractDocument),
        JobKind::BuildDataset => Arc::new(build_dataset::BuildDataset),
        JobKind::Train => Arc::new(train::Train),
        JobKind::RunModelTest => Arc::new(run_model_test::RunModelTest),
        JobKind::MakeReport => Arc::new(make_report::MakeReport),
        JobKind::CleanUp => Arc::new(clean_up::CleanUp),
    }
}

/// A kind of work.
#[async_trait]
pub(super) trait Job: Send + Sync {
    /// Does the work. Its result is what it returns to be written, in the transaction that ends the job.
    ///
    /// # Errors
    /// [`Error::Interrupted`] or [`Error::Paused`] when it stopped because the assignment said so; any other error fails
    /// the job, or has it begun again.
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error>;

    /// What is written on the thing that the job is about when the job is left without its result.
    fn leave(&self, left: Left) -> Option<Changes>;
}

/// What a job wants written with its end.
pub(super) struct Completion(pub(super) Box<dyn FnOnce(Transaction) -> Written + Send>);

/// What is written on a thing.
pub(super) struct Changes(pub(super) Box<dyn FnOnce(Transaction, Uuid) -> Written + Send>);

/// A change to the database under way.
type Written = BoxFuture<'static, Result<(), StoreError>>;

/// How a job is left without its result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Left {
    /// It is begun again after a while.
    Waiting {
        /// How long.
        wait: Duration,
        /// Why.
        failure: Failure,
    },
    /// It waits for another worker, because this one is shutting down.
    HandedBack,
    /// It was stopped by a wish.
    Stopped(Wish),
    /// It is given up.
    Failed(Failure),
}

impl Left {
    /// What ended the work for good, if it ended; `cancelled` says so of a work that a person stopped.
    fn final_failure(self, cancelled: &str) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Stopped(_) => Some(Failure {
                category: Category::Input,
                severity: Severity::Warning,
                is_transient: false,
                message: cancelled.to_owned(),
            }),
            Self::Waiting { .. } | Self::HandedBack => None,
        }
    }
}

impl Completion {
    /// Written by this function.
    pub(super) fn new<W, F>(work: W) -> Self
    where
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        Self(Box::new(move |tx| Box::pin(work(tx))))
    }

    /// Nothing more is to be written.
    pub(super) fn nothing() -> Self {
        Self::new(|_| async { Ok(()) })
    }
}

impl Changes {
    /// Written by this function.
    pub(super) fn new<W, F>(work: W) -> Option<Self>
    where
        W: FnOnce(Transaction, Uuid) -> F + Send + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        Some(Self(Box::new(move |tx, subject| Box::pin(work(tx, subject)))))
    }
}

/// Runs what takes a processor for long beside the event loop.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) if failure.is_panic() => {
            Err(Error::Child("the work ended in a fault of Gradus (a panic); its log says where".to_owned()))
        }
        Err(_) => Err(Error::Interrupted),
    }
}
