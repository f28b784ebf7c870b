//! Requests under keys: done once, and neither lost nor done twice by whoever dies over them.

use gradus_domain::UserId;
use gradus_store::idempotency::{self, Attempt, Earlier, HELD};
use gradus_store::users::{self, User};
use gradus_store::{Store, StoreError};
use gradus_testkit::TestDatabase;
use serde_json::json;

use super::each_database;
use super::samples::{stored_user, user};

each_database!(
    a_request_under_a_key_is_done_once,
    a_key_under_which_nothing_was_done_is_taken_over_once_nobody_shows_life,
    work_that_shows_life_keeps_its_key,
    an_attempt_that_was_overtaken_changes_nothing_any_more,
    work_that_was_committed_is_not_done_again_though_its_answer_is_lost,
    what_failed_after_its_work_was_committed_does_not_free_the_key,
    a_refusal_is_not_the_work,
    of_many_who_take_over_at_once_one_gets_the_key,
);

async fn begin(store: &Store, user: UserId, hash: &'static str) -> Earlier {
    store.write(move |tx| async move { idempotency::begin(&tx, user, "key-1", hash).await }).await.unwrap()
}

/// The attempt of one who finds nothing done.
async fn attempt(store: &Store, user: UserId) -> Attempt {
    match begin(store, user, "h").await {
        Earlier::Nothing(attempt) => attempt,
        other => panic!("the key is taken: {other:?}"),
    }
}

async fn answer(store: &Store, attempt: &Attempt) -> Result<(), StoreError> {
    let attempt = attempt.clone();
    store
        .write(move |tx| async move { idempotency::answer(&tx, &attempt, 201, json!({"id": 7})).await })
        .await
}

async fn release(store: &Store, attempt: &Attempt) {
    let attempt = attempt.clone();
    store.write(move |tx| async move { idempotency::release(&tx, &attempt).await }).await.unwrap();
}

/// Makes a user, as the work of an attempt.
async fn work(store: &Store, attempt: &Attempt, new: User) -> Result<(), StoreError> {
    store.under(attempt.clone()).write(|tx| async move { users::insert(&tx, new).await }).await
}

fn wait_over(database: &TestDatabase) {
    database.clock.advance_seconds(HELD.num_seconds());
}

async fn a_request_under_a_key_is_done_once(database: &TestDatabase) {
    let store = database.open().await;
    let (ada, bob) = (stored_user(&store, "ada").await, stored_user(&store, "bob").await);
    let of_ada = attempt(&store, ada).await;
    let of_bob = attempt(&store, bob).await;
    assert_ne!(of_ada, of_bob, "another user's key is another key");
    assert_eq!(begin(&store, ada, "h").await, Earlier::Held { wait: HELD.to_std().unwrap() });
    assert_eq!(begin(&store, ada, "other").await, Earlier::Other);
    answer(&store, &of_ada).await.unwrap();
    wait_over(database);
    assert_eq!(begin(&store, ada, "h").await, Earlier::Answered { status: 201, answer: json!({"id": 7}) });
    assert_eq!(begin(&store, ada, "other").await, Earlier::Other);
    store
        .write(|tx| async move { idempotency::forget(&tx, tx.now() + chrono::TimeDelta::seconds(1)).await })
        .await
        .unwrap();
    assert!(matches!(begin(&store, ada, "other").await, Earlier::Nothing(_)));
    store.close().await.unwrap();
}

async fn a_key_under_which_nothing_was_done_is_taken_over_once_nobody_shows_life(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let died = attempt(&store, ada).await;
    let told = |earlier| match earlier {
        Earlier::Held { wait } => wait.as_secs(),
        other => panic!("{other:?}"),
    };
    database.clock.advance_seconds(HELD.num_seconds() - 1);
    assert_eq!(told(begin(&store, ada, "h").await), 1);
    database.clock.advance_seconds(1);
    assert_eq!(begin(&store, ada, "other").await, Earlier::Other);
    let next = attempt(&store, ada).await;
    assert_ne!(died, next);
    assert_eq!(told(begin(&store, ada, "h").await), HELD.num_seconds().unsigned_abs(), "it is held anew");
    // It is remembered from now on, and not from when the first was made.
    let now = store.write(|tx| async move { Ok(tx.now()) }).await.unwrap();
    assert_eq!(store.write(move |tx| async move { idempotency::forget(&tx, now).await }).await.unwrap(), 0);
    store.close().await.unwrap();
}

async fn work_that_shows_life_keeps_its_key(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let alive = attempt(&store, ada).await;
    for _ in 0..3 {
        database.clock.advance_seconds(15);
        let shown = alive.clone();
        store.write(move |tx| async move { idempotency::hold(&tx, &shown).await }).await.unwrap();
    }
    assert!(matches!(begin(&store, ada, "h").await, Earlier::Held { .. }));
    work(&store, &alive, user("bob")).await.unwrap();
    store.close().await.unwrap();
}

async fn an_attempt_that_was_overtaken_changes_nothing_any_more(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let slow = attempt(&store, ada).await;
    wait_over(database);
    let quick = attempt(&store, ada).await;
    let late = user("late");
    let late_id = late.id.0;
    assert!(matches!(work(&store, &slow, late).await, Err(StoreError::Overtaken)));
    assert!(matches!(users::get(&store.reader(), late_id).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(answer(&store, &slow).await, Err(StoreError::Overtaken)));
    let shown = slow.clone();
    let shown = store.write(move |tx| async move { idempotency::hold(&tx, &shown).await }).await;
    assert!(matches!(shown, Err(StoreError::Overtaken)));
    release(&store, &slow).await;
    assert!(matches!(begin(&store, ada, "h").await, Earlier::Held { .. }), "the key was freed by another");
    work(&store, &quick, user("bob")).await.unwrap();
    // Work may take several transactions.
    work(&store, &quick, user("carol")).await.unwrap();
    answer(&store, &quick).await.unwrap();
    assert!(matches!(begin(&store, ada, "h").await, Earlier::Answered { .. }));
    store.close().await.unwrap();
}

async fn work_that_was_committed_is_not_done_again_though_its_answer_is_lost(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let died = attempt(&store, ada).await;
    work(&store, &died, user("bob")).await.unwrap();
    assert!(matches!(begin(&store, ada, "h").await, Earlier::Held { .. }), "the answer may be on its way");
    wait_over(database);
    assert_eq!(begin(&store, ada, "h").await, Earlier::Done);
    // It was frozen, and wakes up.
    answer(&store, &died).await.unwrap();
    assert!(matches!(begin(&store, ada, "h").await, Earlier::Answered { .. }));
    store.close().await.unwrap();
}

async fn what_failed_after_its_work_was_committed_does_not_free_the_key(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let failed = attempt(&store, ada).await;
    let twice = user("bob");
    let same = twice.clone();
    work(&store, &failed, twice).await.unwrap();
    assert!(work(&store, &failed, same).await.is_err());
    release(&store, &failed).await;
    assert_eq!(begin(&store, ada, "h").await, Earlier::Done);
    store.close().await.unwrap();
}

async fn a_refusal_is_not_the_work(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    let refused = attempt(&store, ada).await;
    let recorded = user("recorded");
    let recorded_id = recorded.id.0;
    let under = store.under(refused.clone());
    let refusal = under.write_or_refuse(|tx| async move {
        users::insert(&tx, recorded).await?;
        Ok(Err::<(), _>("no"))
    });
    assert_eq!(refusal.await.unwrap(), Err("no"));
    assert!(users::get(&store.reader(), recorded_id).await.is_ok(), "what is recorded of a refusal stays");
    release(&store, &refused).await;
    let again = attempt(&store, ada).await;
    let under = store.under(again);
    let done = under.write_or_refuse(|tx| async move {
        users::insert(&tx, user("made")).await?;
        Ok(Ok::<_, ()>(()))
    });
    done.await.unwrap().unwrap();
    wait_over(database);
    assert_eq!(begin(&store, ada, "h").await, Earlier::Done);
    store.close().await.unwrap();
}

async fn of_many_who_take_over_at_once_one_gets_the_key(database: &TestDatabase) {
    let store = database.open().await;
    let ada = stored_user(&store, "ada").await;
    attempt(&store, ada).await;
    wait_over(database);
    let found = futures_util::future::join_all((0..8).map(|_| begin(&store, ada, "h"))).await;
    let got = found.iter().filter(|earlier| matches!(earlier, Earlier::Nothing(_))).count();
    let wait = found.iter().filter(|earlier| matches!(earlier, Earlier::Held { .. })).count();
    assert_eq!((got, wait), (1, 7), "{found:?}");
    store.close().await.unwrap();
}
