//! Workers that are killed at any moment: their work goes on elsewhere, once, and ends as if nothing had happened.
//! `GRADUS_TEST_LONG` set: ten times as many kills.

use std::time::Duration;

use gradus_app::domain::{JobKind, QueueJobState, State, TrainingJobState, TrainingJobStep};
use gradus_app::store::queue::Claimant;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::{Whose, queue, training_jobs};
use gradus_testkit::given;
use uuid::Uuid;

use crate::each_database;
use crate::site::Site;
use crate::whole_job::nothing_is_left_behind;

each_database!(
    a_run_whose_workers_are_killed_ends_with_the_same_parameters,
    a_job_that_kills_its_worker_three_times_is_given_up,
);

/// Kills in a run; with ten of them in each of two databases, twenty in all.
fn kills() -> u32 {
    if given::is_long() { 100 } else { 10 }
}

/// A number that is another each time and the same in every run of the test.
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

async fn a_run_whose_workers_are_killed_ends_with_the_same_parameters(site: &Site) {
    const EPOCHS: u32 = 150;
    let mut worker = site.worker();
    let version = site.dataset().await;
    let undisturbed = site.train(version, EPOCHS).await;
    site.until_job(undisturbed, |job| job.state.0.is_final()).await;

    let disturbed = site.train(version, EPOCHS).await;
    let (mut state, mut killed) = (42, 0);
    while killed < kills() {
        // Half of them while it computes, half wherever it is: fetching, restoring, storing, not yet begun.
        let job = if killed % 2 == 0 {
            site.until_job(disturbed, |job| {
                job.state.0 == TrainingJobState::Training || job.state.0.is_final()
            })
            .await
        } else {
            site.job(disturbed).await
        };
        if job.state.0 == TrainingJobState::Completed {
            break;
        }
        go_on_if_given_up(site, &job).await;
        tokio::time::sleep(Duration::from_millis(chance(&mut state) % 400)).await;
        worker.kill();
        killed += 1;
        worker = site.worker();
    }
    assert!(killed >= kills() / 2, "the run was over after {killed} kills");
    let job = site
        .until("the disturbed run", async || {
            let job = site.job(disturbed).await;
            go_on_if_given_up(site, &job).await;
            (job.state.0 == TrainingJobState::Completed).then_some(job)
        })
        .await;
    assert_eq!(Some(job.step), job.steps);
    assert_eq!(
        site.model_of(disturbed).await.1,
        site.model_of(undisturbed).await.1,
        "the same to the last bit"
    );
    let reader = site.services.store.reader();
    let last = queue::of_subject(&reader, gradus_app::domain::Id::uuid(disturbed)).await.unwrap().unwrap();
    assert_eq!(last.state.0, QueueJobState::Done);
    let events = site.services.training_events(Whose::Anyones, disturbed, 0, 100_000).await.unwrap();
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as i64), "a gap in the events");
    let begun = events.iter().filter(|event| event.message.contains("from step")).count();
    assert!(begun > 0, "no worker ever went on from a checkpoint");
    // What killed workers left goes with the next worker's start, and with the clean-up.
    worker.kill();
    let _worker = site.worker();
    clean_up(site).await;
    nothing_is_left_behind(site).await;
}

/// A job of which three workers in a row were lost before it got further waits for a person.
async fn go_on_if_given_up(site: &Site, job: &TrainingJob) {
    if job.state.0 == TrainingJobState::Failed {
        let reason = &job.failure.as_ref().unwrap().message;
        assert!(reason.contains("was lost"), "{reason}");
        site.services.resume_training_job(Whose::Of(site.owner), job.id.0, None).await.unwrap();
    }
}

/// Queues a clean-up and waits for it; what it may not remove yet, because it is young, is removed by hand.
pub(crate) async fn clean_up(site: &Site) {
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
    let id = site.train(version, 1).await;
    for time in 1..=3 {
        assert_eq!(site.job(id).await.state.0, TrainingJobState::Queued, "time {time}");
        let me = Uuid::now_v7();
        let claimant = Claimant {
            worker: me,
            kinds: vec![JobKind::Train],
            lease: Duration::from_secs(600),
            most_per_user: 4,
        };
        let store = &site.services.store;
        let claim =
            store.write(move |tx| async move { queue::claim(&tx, &claimant).await }).await.unwrap().unwrap();
        // As far as a worker gets that dies of what it loads.
        store
            .write(move |tx| async move {
                queue::hold(&tx, &claim).await?;
                training_jobs::step(&tx, id, TrainingJobStep::Prepare, None).await
            })
            .await
            .unwrap();
        gradus_app::worker::is_gone(&site.services, me).await.unwrap();
    }
    let job = site.job(id).await;
    assert_eq!(job.state.0, TrainingJobState::Failed);
    assert!(job.failure.unwrap().message.contains("time 3 of 3"));
}
