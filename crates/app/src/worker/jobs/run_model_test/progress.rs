//! How far a model test is, on its way into the database, at most once a second.

use std::time::{Duration, Instant};

use gradus_domain::ModelTestId;
use gradus_store::model_tests;
use tokio::sync::watch;

use crate::Watcher;
use crate::worker::Assignment;

/// How often it is written.
const EVERY: Duration = Duration::from_secs(1);

/// The run's side.
pub(super) struct Progress(watch::Sender<Option<(u64, u64)>>);

/// The event loop's side.
pub(super) struct Watching<'a> {
    assignment: &'a Assignment,
    id: ModelTestId,
    progress: watch::Receiver<Option<(u64, u64)>>,
}

pub(super) fn pair(assignment: &Assignment, id: ModelTestId) -> (Progress, Watching<'_>) {
    let (sender, progress) = watch::channel(None);
    (Progress(sender), Watching { assignment, id, progress })
}

impl Watcher for Progress {
    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        // Bytes of a model that is being fetched are none of it.
        if let (Some(total), "answers") = (total, unit) {
            self.0.send_replace(Some((done, total)));
        }
    }
}

impl Watching<'_> {
    /// Writes until the run is over. A figure that cannot be written is no reason to throw a test away.
    pub(super) async fn listen(mut self) {
        let mut written = Instant::now();
        while self.progress.changed().await.is_ok() {
            tokio::time::sleep(EVERY.saturating_sub(written.elapsed())).await;
            let Some((done, total)) = *self.progress.borrow_and_update() else { continue };
            let id = self.id;
            let reported = self
                .assignment
                .write(move |tx| async move { model_tests::report_done(&tx, id, done, total).await });
            if let Err(error) = reported.await {
                tracing::warn!(%error, "the progress of a model test could not be written");
            }
            written = Instant::now();
        }
    }
}
