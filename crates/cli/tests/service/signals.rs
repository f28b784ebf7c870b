//! Processes that are killed, and signals: nothing that happens to a worker or to the server stops a run for long.

use std::time::{Duration, Instant};

use gradus_app::domain::{Id, State, TrainingJobState};
use gradus_app::store::{Whose, queue};
use gradus_testkit::{Kind, on_each_database};

use crate::served::{LEASE_SECONDS, Served, log_of, signal, worker_of};
use crate::site::Site;

on_each_database!(
    a_killed_worker_is_replaced_and_its_job_goes_on_before_its_lease_ends,
    a_server_that_is_shut_down_lets_go_in_time_and_its_run_goes_on_after_the_next_start
);

/// Of a run that is not waited for.
const MANY_EPOCHS: u32 = 2000;
/// Of one that is, and that is not over before it can be disturbed.
const SOME_EPOCHS: u32 = 60;

async fn a_killed_worker_is_replaced_and_its_job_goes_on_before_its_lease_ends(kind: Kind) {
    let Some(site) = Site::new(kind).await else { return };
    let server = Served::start(&site);
    let version = site.dataset().await;
    let id = site.train(version, MANY_EPOCHS).await;
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > 4).await;
    let killed = worker_of(&site, id).await.unwrap();
    signal(killed, "-KILL");
    let begun = Instant::now();
    let step = site.job(id).await.step;
    site.until("another worker to go on", async || {
        let is_another = worker_of(&site, id).await.is_some_and(|worker| worker != killed);
        (is_another && site.job(id).await.step > step).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(LEASE_SECONDS - 5), "{:?}", begun.elapsed());
    let events = site.services.training_events(Whose::Anyones, id, 0, 10_000).await.unwrap();
    assert!(events.iter().any(|event| event.message.contains("from step")), "it began anew");
    let log = log_of(&site);
    let told =
        ["a worker ended; starting another", "outcome=\"tried again\"", "this job was lost (time 1 of 3)"];
    assert!(told.into_iter().all(|part| log.contains(part)), "{log}");
    site.services.cancel_training_job(Whose::Anyones, id).await.unwrap();
    server.end(&site).await;
    site.remove().await;
}

async fn a_server_that_is_shut_down_lets_go_in_time_and_its_run_goes_on_after_the_next_start(kind: Kind) {
    let Some(site) = Site::new(kind).await else { return };
    let mut server = Served::start(&site);
    let version = site.dataset().await;
    let undisturbed = site.train(version, SOME_EPOCHS).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;
    let id = site.train(version, SOME_EPOCHS).await;
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training && job.step > 4).await;
    server.signal("-TERM");
    let (status, took) = server.ended().await;
    assert!(status.success(), "{status}: {}", log_of(&site));
    assert!(took < Duration::from_secs(15), "{took:?}");
    let left = site.job(id).await;
    assert_eq!(left.state.0, TrainingJobState::Queued);
    assert!(Some(left.step) < left.steps, "it was over before");
    let work = queue::of_subject(&site.services.store.reader(), id.uuid()).await.unwrap().unwrap();
    assert_eq!((work.attempts, work.losses, work.worker_id), (0, 0, None));

    let server = Served::start(&site);
    let done = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(done.state.0, TrainingJobState::Completed, "{:?}", done.failure);
    assert_eq!(site.model_of(id).await.1, site.model_of(undisturbed).await.1, "the same to the last bit");
    server.end(&site).await;
    site.remove().await;
}

/// A worker that is frozen cannot let go: the server waits for it, until it is told a second time.
async fn the_second_wish_to_stop_ends_the_server_at_once(kind: Kind, wish: &str) {
    let Some(site) = Site::new(kind).await else { return };
    let mut server = Served::start(&site);
    let version = site.dataset().await;
    let id = site.train(version, MANY_EPOCHS).await;
    site.until_job(id, |job| job.state.0 == TrainingJobState::Training).await;
    let worker = worker_of(&site, id).await.unwrap();
    signal(worker, "-STOP");
    server.signal(wish);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let waited = server.is_running();
    server.signal(wish);
    let (status, took) = server.ended().await;
    signal(worker, "-KILL");
    assert!(waited, "it did not wait for its worker");
    assert_eq!(status.code(), Some(130));
    assert!(took < Duration::from_secs(1), "{took:?}");
    site.remove().await;
}

#[tokio::test]
async fn the_second_sigterm_ends_the_server_at_once() {
    the_second_wish_to_stop_ends_the_server_at_once(Kind::Sqlite, "-TERM").await;
}

#[tokio::test]
async fn the_second_ctrl_c_ends_the_server_at_once() {
    the_second_wish_to_stop_ends_the_server_at_once(Kind::Postgres, "-INT").await;
}
