//! All or nothing, whoever goes away meanwhile.

use std::sync::Arc;

use gradus_domain::DocumentStep;
use gradus_store::users::{self, UserChange};
use gradus_store::{StoreError, Whose, documents};
use gradus_testkit::TestDatabase;
use tokio::sync::Notify;

use super::each_database;
use super::samples::{refusal, stored_document, stored_user, user};

each_database!(
    a_change_that_fails_leaves_nothing,
    a_change_goes_on_when_whoever_asked_for_it_goes_away,
    readers_see_only_what_was_committed,
    of_many_who_want_the_same_step_one_gets_it,
    a_change_that_panics_leaves_nothing_and_the_store_goes_on,
    changes_of_many_at_once_all_arrive,
);

async fn a_change_that_fails_leaves_nothing(database: &TestDatabase) {
    let store = database.open().await;
    let first = user("ada");
    let same_name = user("ada");
    let id = first.id.0;
    let refused = store
        .write(|change| async move {
            users::insert(&change, first).await?;
            users::insert(&change, same_name).await
        })
        .await;
    assert_eq!(refusal(refused), "there is already a user with this name");
    assert!(matches!(users::get(&store.reader(), id).await, Err(StoreError::NotFound { .. })));
    store.close().await.unwrap();
}

async fn a_change_goes_on_when_whoever_asked_for_it_goes_away(database: &TestDatabase) {
    let store = database.open().await;
    let begun = Arc::new(Notify::new());
    let go_on = Arc::new(Notify::new());
    let written = user("ada");
    let id = written.id.0;
    let change = store.write({
        let (begun, go_on) = (begun.clone(), go_on.clone());
        |change| async move {
            begun.notify_one();
            go_on.notified().await;
            users::insert(&change, written).await
        }
    });
    tokio::select! {
        _ = change => panic!("the change waits"),
        () = begun.notified() => {}
    }
    go_on.notify_one();
    // On SQLite there is one writer, so that this one waits for the first; on PostgreSQL it may have to look again.
    let mut looks = 0;
    while users::get(&store.reader(), id).await.is_err() {
        store.write(|_| async { Ok(()) }).await.unwrap();
        looks += 1;
        assert!(looks < 10_000, "the change never arrived");
        tokio::task::yield_now().await;
    }
    store.close().await.unwrap();
}

async fn readers_see_only_what_was_committed(database: &TestDatabase) {
    let store = database.open().await;
    let reader = store.reader();
    let written = user("ada");
    let id = written.id.0;
    store
        .write(move |change| async move {
            users::insert(&change, written).await?;
            assert!(users::get(&reader, id).await.is_err(), "not committed yet");
            assert!(users::get(&change, id).await.is_ok(), "but it sees its own");
            Ok(())
        })
        .await
        .unwrap();
    assert!(users::get(&store.reader(), id).await.is_ok());
    store.close().await.unwrap();
}

async fn of_many_who_want_the_same_step_one_gets_it(database: &TestDatabase) {
    let store = database.open().await;
    let owner = stored_user(&store, "ada").await;
    let id = stored_document(&store, owner, "a guide").await;
    store
        .write(move |change| async move { documents::step(&change, id, DocumentStep::Extract).await })
        .await
        .unwrap();

    let attempts = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(move |change| async move { documents::step(&change, id, DocumentStep::Accept).await })
                .await
        })
    });
    let mut taken = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(()) => taken += 1,
            Err(StoreError::NotNow(_) | StoreError::Changed { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(taken, 1);
    let document = documents::get(&store.reader(), Whose::Of(owner), id).await.unwrap();
    assert_eq!(document.state.to_string(), "ready");
    store.close().await.unwrap();
}

async fn a_change_that_panics_leaves_nothing_and_the_store_goes_on(database: &TestDatabase) {
    let store = database.open().await;
    let written = user("ada");
    let id = written.id.0;
    let panicking = store.clone();
    let task = tokio::spawn(async move {
        panicking
            .write(|change| async move {
                users::insert(&change, written).await?;
                if change.now().timestamp() > 0 {
                    panic!("a fault");
                }
                Ok(())
            })
            .await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert!(users::get(&store.reader(), id).await.is_err());
    stored_user(&store, "ada").await;
    store.close().await.unwrap();
}

async fn changes_of_many_at_once_all_arrive(database: &TestDatabase) {
    let store = database.open().await;
    let tasks = (0..40).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { stored_user(&store, &format!("user{number}")).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        let id = task.await.unwrap();
        let change = UserChange { disabled: Some(true), ..UserChange::default() };
        store.write(move |tx| async move { users::update(&tx, id, change).await }).await.unwrap();
        assert!(users::get(&store.reader(), id).await.unwrap().disabled_at.is_some());
    }
    store.close().await.unwrap();
}
