//! The queue: who gets which work, and what happens to work whose worker is lost.

use std::collections::HashSet;
use std::time::Duration;

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{JobKind, QueueJobState, Wish};
use gradus_store::queue::{self, Claim, Claimant, Settled, Work};
use gradus_store::{Store, StoreError};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::samples::{claimant, stored_user, work};

each_database!(
    work_is_taken_by_priority_then_age_and_only_once,
    work_is_not_taken_before_its_time_nor_by_who_does_not_do_it,
    nobody_has_more_than_their_share_and_the_idle_user_goes_first,
    ten_workers_at_once_share_the_work_without_a_double,
    a_silent_workers_job_is_anothers_and_it_can_no_longer_write,
    a_sign_of_life_keeps_the_job,
    what_waits_is_cancelled_at_once_and_what_runs_is_told,
    failed_work_waits_and_is_begun_again,
    work_handed_back_does_not_count_as_an_attempt,
    work_and_the_change_that_it_follows_from_come_together_or_not_at_all,
    waiting_and_running_work_is_counted,
    whoever_waits_for_work_hears_of_it_at_once,
);

async fn enqueue(store: &Store, work: Work) -> gradus_domain::QueueJobId {
    store.write(|change| async move { queue::enqueue(&change, work).await }).await.unwrap()
}

async fn claim(store: &Store, claimant: &Claimant) -> Option<Claim> {
    let claimant = claimant.clone();
    store.write(|change| async move { queue::claim(&change, &claimant).await }).await.unwrap()
}

async fn hold(store: &Store, claim: &Claim) -> Result<Wish, StoreError> {
    let claim = claim.clone();
    store.write(|change| async move { Ok(queue::hold(&change, &claim).await?.wish.0) }).await
}

/// The jobs of silent workers, taken from them.
/// Takes what lost workers left, and puts it back in the same transaction.
async fn take_lost(store: &Store) -> Vec<Claim> {
    let mut claims = Vec::new();
    for id in queue::lost(store).await.unwrap() {
        let taken = store.write(move |change| async move {
            let Some(lost) = queue::take_lost(&change, id).await? else { return Ok(None) };
            queue::try_again(&change, &lost, Duration::ZERO, failure()).await?;
            Ok(Some(lost))
        });
        claims.extend(taken.await.unwrap());
    }
    claims
}

async fn settle(store: &Store, claim: &Claim, settled: Settled) -> Result<(), StoreError> {
    let claim = claim.clone();
    store.write(|change| async move { queue::settle(&change, &claim, settled).await }).await
}

fn failure() -> Failure {
    Failure {
        category: Category::Network,
        severity: Severity::Warning,
        is_transient: true,
        message: "the hub did not answer".to_owned(),
    }
}

async fn work_is_taken_by_priority_then_age_and_only_once(database: &TestDatabase) {
    let store = database.open().await;
    let old = enqueue(&store, work(JobKind::Train, None)).await;
    database.clock.advance_seconds(1);
    let young = enqueue(&store, work(JobKind::Train, None)).await;
    let urgent = enqueue(&store, Work { priority: 5, ..work(JobKind::CleanUp, None) }).await;
    let mut order = Vec::new();
    while let Some(claim) = claim(&store, &claimant()).await {
        order.push(claim.id());
    }
    assert_eq!(order, [urgent, old, young]);
    store.close().await.unwrap();
}

async fn work_is_not_taken_before_its_time_nor_by_who_does_not_do_it(database: &TestDatabase) {
    let store = database.open().await;
    let now = store.write(|change| async move { Ok(change.now()) }).await.unwrap();
    let later = Work { run_at: Some(now + chrono::TimeDelta::seconds(60)), ..work(JobKind::Train, None) };
    enqueue(&store, later).await;
    assert_eq!(claim(&store, &claimant()).await, None);
    database.clock.advance_seconds(60);
    let only_light = Claimant { kinds: vec![JobKind::ExtractDocument, JobKind::MakeReport], ..claimant() };
    assert_eq!(claim(&store, &only_light).await, None);
    assert!(claim(&store, &claimant()).await.is_some());
    store.close().await.unwrap();
}

async fn nobody_has_more_than_their_share_and_the_idle_user_goes_first(database: &TestDatabase) {
    let store = database.open().await;
    let (eager, patient) = (stored_user(&store, "eager").await, stored_user(&store, "patient").await);
    for _ in 0..5 {
        enqueue(&store, work(JobKind::Train, Some(eager))).await;
    }
    database.clock.advance_seconds(10);
    enqueue(&store, work(JobKind::Train, Some(patient))).await;

    let mut users = Vec::new();
    let mut claims = Vec::new();
    while let Some(claim) = claim(&store, &claimant()).await {
        users.push(claim.job.user_id.unwrap().0);
        claims.push(claim);
    }
    // Eager's first is the oldest; then Patient, who has none; then Eager's second, and no third.
    assert_eq!(users, [eager, patient, eager]);
    settle(&store, &claims[0], Settled::Done).await.unwrap();
    assert_eq!(claim(&store, &claimant()).await.unwrap().job.user_id.unwrap().0, eager);
    store.close().await.unwrap();
}

async fn ten_workers_at_once_share_the_work_without_a_double(database: &TestDatabase) {
    const JOBS: usize = 60;
    let store = database.open().await;
    let users = [stored_user(&store, "ada").await, stored_user(&store, "bob").await];
    for number in 0..JOBS {
        enqueue(&store, work(JobKind::ExtractDocument, Some(users[number % 2]))).await;
    }
    let workers = (0..10).map(|_| {
        let store = store.clone();
        let mut taken = Vec::new();
        tokio::spawn(async move {
            let me = Claimant { most_per_user: 3, ..claimant() };
            let mut idle = 0;
            while idle < 20 {
                let Some(claim) = claim(&store, &me).await else {
                    idle += 1;
                    tokio::task::yield_now().await;
                    continue;
                };
                let (reader, most) = (store.reader(), gradus_store::PageRequest::first(100));
                let running = queue::page(&reader, Some(QueueJobState::Running), &most);
                let running = running.await.unwrap().items;
                for user in users {
                    let of_user =
                        running.iter().filter(|job| job.user_id.is_some_and(|id| id.0 == user)).count();
                    assert!(of_user <= 3, "{of_user} jobs of one user at once");
                }
                settle(&store, &claim, Settled::Done).await.unwrap();
                taken.push(claim.id());
            }
            taken
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), JOBS);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), JOBS);
    store.close().await.unwrap();
}

async fn a_silent_workers_job_is_anothers_and_it_can_no_longer_write(database: &TestDatabase) {
    let store = database.open().await;
    let id = enqueue(&store, work(JobKind::Train, None)).await;
    let frozen = claim(&store, &claimant()).await.unwrap();
    database.clock.advance_seconds(15);
    assert_eq!(take_lost(&store).await, []);
    database.clock.advance_seconds(1);
    let lost = take_lost(&store).await;
    assert_eq!(take_lost(&store).await, [], "it is taken once");
    assert_eq!(lost.iter().map(Claim::id).collect::<Vec<_>>(), [id]);
    assert_eq!(lost[0].job.losses, 1);

    // From here on the worker that was frozen cannot write, even before another has the job.
    assert!(matches!(hold(&store, &frozen).await, Err(StoreError::LeaseLost(lost)) if lost == id));
    let other = claim(&store, &claimant()).await.unwrap();
    assert_eq!((other.id(), other.job.attempts), (id, 1), "a lost attempt does not count");
    for attempt in [
        hold(&store, &frozen).await.map(|_| ()),
        settle(&store, &frozen, Settled::Done).await,
        settle(&store, &lost[0], Settled::Cancelled).await,
    ] {
        assert!(matches!(attempt, Err(StoreError::LeaseLost(_))), "{attempt:?}");
    }
    settle(&store, &other, Settled::Done).await.unwrap();
    assert_eq!(queue::get(&store.reader(), id).await.unwrap().state.0, QueueJobState::Done);
    store.close().await.unwrap();
}

async fn a_sign_of_life_keeps_the_job(database: &TestDatabase) {
    let store = database.open().await;
    enqueue(&store, work(JobKind::Train, None)).await;
    let mine = claim(&store, &claimant()).await.unwrap();
    for _ in 0..5 {
        database.clock.advance_seconds(10);
        assert_eq!(hold(&store, &mine).await.unwrap(), Wish::GoOn);
        assert_eq!(take_lost(&store).await, []);
    }
    store.close().await.unwrap();
}

async fn what_waits_is_cancelled_at_once_and_what_runs_is_told(database: &TestDatabase) {
    let store = database.open().await;
    let (waiting, running) = (work(JobKind::Train, None), work(JobKind::Train, None));
    let (waiting_subject, running_subject) = (waiting.subject.unwrap(), running.subject.unwrap());
    let running = enqueue(&store, Work { priority: 1, ..running }).await;
    let mine = claim(&store, &claimant()).await.unwrap();
    assert_eq!(mine.id(), running);
    enqueue(&store, waiting).await;

    let wish =
        |subject, wish| store.write(move |change| async move { queue::wish(&change, subject, wish).await });
    assert_eq!(wish(waiting_subject, Wish::Cancel).await.unwrap(), Some(QueueJobState::Cancelled));
    assert_eq!(claim(&store, &claimant()).await, None);
    assert_eq!(wish(running_subject, Wish::Pause).await.unwrap(), Some(QueueJobState::Running));
    assert_eq!(hold(&store, &mine).await.unwrap(), Wish::Pause);
    settle(&store, &mine, Settled::Cancelled).await.unwrap();
    assert_eq!(wish(running_subject, Wish::Cancel).await.unwrap(), None);
    store.close().await.unwrap();
}

async fn failed_work_waits_and_is_begun_again(database: &TestDatabase) {
    let store = database.open().await;
    let id = enqueue(&store, work(JobKind::Train, None)).await;
    let mine = claim(&store, &claimant()).await.unwrap();
    let again = mine.clone();
    let wait = Duration::from_secs(30);
    store
        .write(move |change| async move { queue::try_again(&change, &again, wait, failure()).await })
        .await
        .unwrap();
    assert_eq!(claim(&store, &claimant()).await, None);
    database.clock.advance_seconds(30);
    let second = claim(&store, &claimant()).await.unwrap();
    assert_eq!((second.id(), second.job.attempts), (id, 2));
    assert_eq!(second.job.failure.clone().unwrap().0, failure());
    settle(&store, &second, Settled::Failed(failure())).await.unwrap();
    let ended = queue::get(&store.reader(), id).await.unwrap();
    assert_eq!((ended.state.0, ended.failure.unwrap().0), (QueueJobState::Failed, failure()));
    store.close().await.unwrap();
}

async fn work_handed_back_does_not_count_as_an_attempt(database: &TestDatabase) {
    let store = database.open().await;
    enqueue(&store, work(JobKind::Train, None)).await;
    let mine = claim(&store, &claimant()).await.unwrap();
    let back = mine.clone();
    store.write(|change| async move { queue::hand_back(&change, &back).await }).await.unwrap();
    assert_eq!(claim(&store, &claimant()).await.unwrap().job.attempts, 1);
    assert!(matches!(hold(&store, &mine).await, Err(StoreError::LeaseLost(_))));
    store.close().await.unwrap();
}

async fn work_and_the_change_that_it_follows_from_come_together_or_not_at_all(database: &TestDatabase) {
    let store = database.open().await;
    let refused = store
        .write(|change| async move {
            queue::enqueue(&change, work(JobKind::Train, None)).await?;
            Err::<(), _>(StoreError::Changed { noun: "dataset" })
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(claim(&store, &claimant()).await, None);
    store.close().await.unwrap();
}

async fn waiting_and_running_work_is_counted(database: &TestDatabase) {
    let store = database.open().await;
    for _ in 0..3 {
        enqueue(&store, work(JobKind::Train, None)).await;
        database.clock.advance_seconds(1);
    }
    let first = claim(&store, &claimant()).await.unwrap();
    let mut states = queue::states(&store.reader()).await.unwrap();
    states.sort_by_key(|state| state.state);
    let counts: Vec<_> = states.iter().map(|state| (state.kind, state.state, state.count)).collect();
    assert_eq!(
        counts,
        [(JobKind::Train, QueueJobState::Ready, 2), (JobKind::Train, QueueJobState::Running, 1)]
    );
    assert_eq!(states[0].oldest_run_at, first.job.run_at + chrono::TimeDelta::seconds(1));
    store.close().await.unwrap();
}

async fn whoever_waits_for_work_hears_of_it_at_once(database: &TestDatabase) {
    let (server, worker) = (database.open().await, database.open().await);
    let mut news = worker.news().await.unwrap();
    // The first look finds a file that it has not seen before.
    news.wait(Duration::from_millis(1)).await;
    let begun = std::time::Instant::now();
    news.wait(Duration::from_millis(200)).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "nothing happened, and it waited {:?}",
        begun.elapsed()
    );

    let waiting = tokio::spawn(async move {
        news.wait(Duration::from_secs(60)).await;
    });
    let kinds = [JobKind::Train];
    assert!(!queue::is_due(&worker, &kinds).await.unwrap());
    enqueue(&server, work(JobKind::Train, None)).await;
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it heard nothing").unwrap();
    assert!(queue::is_due(&worker, &kinds).await.unwrap());
    assert!(!queue::is_due(&worker, &[JobKind::CleanUp]).await.unwrap());
    server.close().await.unwrap();
    worker.close().await.unwrap();
}
