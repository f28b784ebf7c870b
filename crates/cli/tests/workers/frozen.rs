//! A worker that was stopped by the system and woken later.

use gradus_app::domain::{State, TrainingJobState};

use crate::each_database;
use crate::site::Site;

each_database!(a_frozen_worker_that_wakes_changes_nothing);

async fn a_frozen_worker_that_wakes_changes_nothing(site: &Site) {
    let mut frozen = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, 30).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;

    let id = site.train(version, 30).await;
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > 4).await;
    frozen.freeze();
    let step = site.job(id).await.step;
    let _other = site.worker();
    let taken = site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > step).await;
    frozen.thaw();
    let job = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(job.state.0, TrainingJobState::Completed, "{:?}", job.failure);
    assert!(taken.step <= job.step);
    assert_eq!(site.model_of(id).await.1, site.model_of(undisturbed).await.1);
    site.until("the woken worker to see that the job is another's", async || {
        site.log().contains("given to another worker").then_some(())
    })
    .await;
    assert!(frozen.is_running(), "it goes on with other work");
}
