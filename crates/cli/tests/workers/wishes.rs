//! Pausing, cancelling, resuming from a checkpoint, and shutting a worker down in the middle of a run.

use std::time::Duration;

use gradus_app::domain::{State, TrainingJobState};
use gradus_app::store::{Whose, queue};

use crate::each_database;
use crate::site::Site;

each_database!(
    a_paused_run_goes_on_and_ends_with_the_same_parameters,
    a_cancelled_run_stops_soon_and_can_be_resumed_from_any_checkpoint,
    a_worker_that_is_shut_down_hands_its_run_to_another,
    what_was_wished_of_a_worker_that_is_shut_down_counts,
);

async fn a_paused_run_goes_on_and_ends_with_the_same_parameters(site: &Site) {
    let whose = Whose::Of(site.owner);
    let _worker = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, 30).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;

    let id = site.train(version, 30).await;
    site.until_job(id, |job| job.step > 3).await;
    site.services.pause_training_job(whose, id).await.unwrap();
    let paused = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(paused.state.0, TrainingJobState::Paused, "{:?}", paused.failure);
    assert!(Some(paused.step) < paused.steps, "it was paused too late to say anything");
    assert!(site.services.pause_training_job(whose, id).await.is_err(), "once is enough");
    site.services.resume_training_job(whose, id, None).await.unwrap();
    let done = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(done.state.0, TrainingJobState::Completed, "{:?}", done.failure);
    assert_eq!(site.model_of(id).await.1, site.model_of(undisturbed).await.1);
}

async fn a_cancelled_run_stops_soon_and_can_be_resumed_from_any_checkpoint(site: &Site) {
    let whose = Whose::Of(site.owner);
    let mut worker = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, 60).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;

    let id = site.train(version, 60).await;
    site.until_job(id, |job| job.step > 8).await;
    site.services.cancel_training_job(whose, id).await.unwrap();
    let cancelled = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(cancelled.state.0, TrainingJobState::Cancelled, "{:?}", cancelled.failure);
    let checkpoints = site.services.checkpoints(whose, id).await.unwrap();
    let oldest = checkpoints.last().unwrap();
    assert!(oldest.step < checkpoints[0].step, "there is only one checkpoint");
    let from = oldest.step;
    site.services.resume_training_job(whose, id, Some(oldest.id.0)).await.unwrap();
    // A worker that is lost after that must not begin again at the checkpoint, nor at the beginning.
    site.until_job(id, |job| job.step > from + 6 || job.state.0.is_final()).await;
    worker.kill();
    let _other = site.worker();
    let done = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(done.state.0, TrainingJobState::Completed, "{:?}", done.failure);
    let events = site.services.training_events(whose, id, 0, 10_000).await.unwrap();
    let begun: Vec<_> = events.iter().filter(|event| event.message.starts_with("Training begins")).collect();
    assert!(
        begun.len() >= 3 && begun[1..].iter().all(|event| event.message.contains("from step")),
        "{from}: {events:?}"
    );
    assert_eq!(site.model_of(id).await.1, site.model_of(undisturbed).await.1);
    assert!(site.services.cancel_training_job(whose, id).await.is_err(), "it is complete");
}

async fn a_worker_that_is_shut_down_hands_its_run_to_another(site: &Site) {
    let mut worker = site.worker();
    let version = site.dataset().await;
    let id = site.train(version, 60).await;
    site.until_job(id, |job| job.step > 3).await;
    assert!(worker.drain() < Duration::from_secs(15));
    let handed_back = site.job(id).await;
    assert_eq!(handed_back.state.0, TrainingJobState::Queued);
    let in_queue =
        queue::of_subject(&site.services.store.reader(), gradus_app::domain::Id::uuid(id)).await.unwrap();
    assert_eq!(in_queue.unwrap().attempts, 0, "it does not count as an attempt");
    let _other = site.worker();
    let done = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(done.state.0, TrainingJobState::Completed, "{:?}", done.failure);
    let events = site.services.training_events(Whose::Anyones, id, 0, 10_000).await.unwrap();
    assert!(events.iter().any(|event| event.message.contains("from step")), "it began anew");
}

async fn what_was_wished_of_a_worker_that_is_shut_down_counts(site: &Site) {
    let mut worker = site.worker();
    let version = site.dataset().await;
    let id = site.train(version, 60).await;
    site.until_job(id, |job| job.step > 3).await;
    // Before the worker can have heard of it.
    site.services.cancel_training_job(Whose::Of(site.owner), id).await.unwrap();
    worker.drain();
    assert_eq!(site.job(id).await.state.0, TrainingJobState::Cancelled);
}
