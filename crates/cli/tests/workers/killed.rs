//! Workers that are killed at any moment: their work goes on elsewhere, once, and ends as if nothing had happened.
//! `GRADUS_TEST_LONG` set: ten times as many kills.

use std::time::{Duration, Instant};

use gradus_app::domain::{QueueJobState, State, TrainingJobState};
use gradus_app::store::{Whose, queue};

use crate::each_database;
use crate::site::Site;
use crate::whole_job::nothing_is_left_behind;

each_database!(
    a_run_whose_workers_are_killed_ends_with_the_same_parameters,
    a_job_that_kills_its_worker_three_times_is_given_up,
);

/// Kills in a run; with ten of them in each of two databases, twenty in all.
fn kills() -> u32 {
    if std::env::var_os("GRADUS_TEST_LONG").is_some() { 100 } else { 10 }
}

/// A number that is another each time and the same in every run of the test.
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

async fn a_run_whose_workers_are_killed_ends_with_the_same_parameters(site: &Site) {
    const EPOCHS: u32 = 40;
    let mut worker = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, EPOCHS).await;
    let begun = Instant::now();
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;
    let undisturbed_for = begun.elapsed();

    let disturbed = site.train(version, EPOCHS).await;
    let (mut state, mut killed) = (42, 0);
    while killed < kills() {
        // Sometimes before it has the job, sometimes in the middle of a checkpoint, sometimes at the end.
        let wait = chance(&mut state) % (undisturbed_for.as_millis() as u64 / 2).max(100);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        worker.kill();
        killed += 1;
        let job = site.job(disturbed).await;
        if job.state.0 == TrainingJobState::Failed {
            // Three of its workers in a row were lost before it got further.
            assert!(job.failure.as_ref().unwrap().message.contains("was lost"), "{:?}", job.failure);
            site.services.resume_training_job(Whose::Of(site.owner), disturbed, None).await.unwrap();
        }
        if job.state.0 == TrainingJobState::Completed {
            break;
        }
        worker = site.worker();
    }
    let _last = site.worker();
    let job = site
        .until("the disturbed run", async || {
            let job = site.job(disturbed).await;
            if job.state.0 == TrainingJobState::Failed {
                site.services.resume_training_job(Whose::Of(site.owner), disturbed, None).await.unwrap();
            }
            (job.state.0 == TrainingJobState::Completed).then_some(job)
        })
        .await;
    assert_eq!(Some(job.step), job.steps);
    assert_eq!(
        site.model_of(disturbed).await.1,
        site.model_of(undisturbed).await.1,
        "the same to the last bit"
    );
    let events = site.services.training_events(Whose::Anyones, disturbed, 0, 100_000).await.unwrap();
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as i64), "a gap in the events");
    // What killed workers left goes with the clean-up.
    clean_up(site).await;
    nothing_is_left_behind(site).await;
}

/// Queues a clean-up and waits for it; what it may not remove yet, because it is young, is removed by hand.
async fn clean_up(site: &Site) {
    use gradus_app::domain::JobKind;
    use gradus_app::store::queue::Work;
    let work = Work { kind: JobKind::CleanUp, user: None, subject: None, priority: 9, run_at: None };
    let id =
        site.services.store.write(move |tx| async move { queue::enqueue(&tx, work).await }).await.unwrap();
    site.until("the clean-up", async || {
        let job = queue::get(&site.services.store.reader(), id).await.unwrap();
        assert_ne!(job.state.0, QueueJobState::Failed, "{:?}", job.failure);
        (job.state.0 == QueueJobState::Done).then_some(())
    })
    .await;
    site.services.archive.sweep(Duration::ZERO, &|| false).await.unwrap();
}

async fn a_job_that_kills_its_worker_three_times_is_given_up(site: &Site) {
    let mut worker = site.worker();
    let version = site.dataset().await;
    worker.kill();
    let id = site.train(version, 1000).await;
    for _ in 0..3 {
        let mut worker = site.worker();
        site.until_job(id, |job| job.state.0 == TrainingJobState::Preparing).await;
        worker.kill();
        let mut other = site.worker();
        let taken_from_it = Instant::now();
        site.until_job(id, |job| job.state.0 != TrainingJobState::Preparing).await;
        assert!(taken_from_it.elapsed() < Duration::from_secs(30));
        other.kill();
        if site.job(id).await.state.0 == TrainingJobState::Failed {
            break;
        }
        // The second worker may have taken it at once; then it was lost with it.
        _ = site.services.store.reader();
    }
    let _last = site.worker();
    let job = site.until_job(id, |job| job.state.0.is_final()).await;
    assert_eq!(job.state.0, TrainingJobState::Failed);
    assert!(job.failure.unwrap().message.contains("time 3 of 3"), "the reason");
}
