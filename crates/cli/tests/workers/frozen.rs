//! A worker that was stopped by the system and woken later.

use std::time::Duration;

use gradus_app::domain::{State, TrainingJobState};

use crate::each_database;
use crate::site::{Site, WorkerProcess};

each_database!(a_frozen_worker_that_wakes_changes_nothing);

async fn a_frozen_worker_that_wakes_changes_nothing(site: &Site) {
    let mut frozen = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, 30).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;

    let id = site.train(version, 30).await;
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > 4).await;
    freeze_between_changes(site, &frozen).await;
    let step = site.job(id).await.step;
    let _other = site.worker();
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > step).await;
    frozen.thaw();
    let job = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(job.state.0, TrainingJobState::Completed, "{:?}", job.failure);
    assert_eq!(site.model_of(id).await.1, site.model_of(undisturbed).await.1);
    // Whichever comes first: its own clock, or the database's answer.
    let seen = ["before its lease ran out", "given to another worker"];
    site.until("the woken worker to see that the job is another's", async || {
        seen.iter().any(|words| site.log().contains(words)).then_some(())
    })
    .await;
    assert!(frozen.is_running(), "it goes on with other work");
}

/// Freezes a worker where it has no change under way: SQLite has one writer, and one that is frozen keeps all others from
/// writing, until whoever started it ends it.
async fn freeze_between_changes(site: &Site, worker: &WorkerProcess) {
    loop {
        worker.freeze();
        let change = site.services.store.write(|_| async { Ok(()) });
        if tokio::time::timeout(Duration::from_secs(1), change).await.is_ok() {
            return;
        }
        worker.thaw();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
