//! Making a database, opening it again, and refusing one that is not ours to open.

use gradus_store::{DatabaseLocation, Opening, Store, StoreError, Timekeeper, users};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::samples::{refusal, stored_user, user};

each_database!(
    what_was_written_is_there_after_opening_again,
    opening_twice_at_once_makes_one_database,
    a_worker_does_not_make_a_database,
    a_database_of_a_later_version_is_refused_and_left_alone,
);

async fn what_was_written_is_there_after_opening_again(database: &TestDatabase) {
    let store = database.open().await;
    let id = stored_user(&store, "ada").await;
    store.close().await.unwrap();

    let again = database.open().await;
    assert_eq!(users::get(&again.reader(), id).await.unwrap().name, "ada");
    let worker = database.open_as(Opening::AsItIs).await.unwrap();
    assert_eq!(users::get(&worker.reader(), id).await.unwrap().name, "ada");
    again.close().await.unwrap();
    worker.close().await.unwrap();
}

async fn opening_twice_at_once_makes_one_database(database: &TestDatabase) {
    // Both stores of one file must not race for its journal mode: the first sets it.
    let (one, other) = tokio::join!(database.open(), database.open());
    let id = stored_user(&one, "ada").await;
    assert_eq!(users::get(&other.reader(), id).await.unwrap().name, "ada");
    one.close().await.unwrap();
    other.close().await.unwrap();
}

async fn a_worker_does_not_make_a_database(database: &TestDatabase) {
    assert!(database.open_as(Opening::AsItIs).await.is_err());
    let store = database.open().await;
    store.close().await.unwrap();
    database.execute("DELETE FROM schema_step").await;
    let refused = refusal(database.open_as(Opening::AsItIs).await.map(|_| ()));
    assert!(refused.contains("behind this version of Gradus"), "{refused}");
}

async fn a_database_of_a_later_version_is_refused_and_left_alone(database: &TestDatabase) {
    let store = database.open().await;
    stored_user(&store, "ada").await;
    store.close().await.unwrap();
    database
        .execute(
            "INSERT INTO schema_step (name, made_at) VALUES ('2031 future', '2031-01-01 00:00:00+00:00')",
        )
        .await;

    for opening in [Opening::MakeOrUpgrade, Opening::AsItIs] {
        let refused = database.open_as(opening).await.map(|_| ()).unwrap_err();
        assert!(matches!(&refused, StoreError::Later { step } if step == "2031 future"), "{refused}");
    }
    database.execute("DELETE FROM schema_step WHERE name = '2031 future'").await;
    let store = database.open().await;
    assert!(users::find_by_name(&store.reader(), "ada").await.unwrap().is_some());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let database = TestDatabase::new(gradus_testkit::Kind::Sqlite).await.unwrap();
    let DatabaseLocation::Sqlite(path) = &database.location else { panic!("{:?}", database.location) };
    std::fs::write(path, "a letter to my aunt, which is no database at all, however long it gets").unwrap();
    let refused = database.open_as(Opening::MakeOrUpgrade).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("the database could not"), "{refused}");
    assert!(!refused.is_transient(), "it will be no database later either");
    assert!(std::fs::read_to_string(path).unwrap().starts_with("a letter to my aunt"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_without_the_password() {
    let location: DatabaseLocation = "postgres://me:secret@127.0.0.1:1/gradus".parse().unwrap();
    let refused =
        Store::open(&location, Opening::MakeOrUpgrade, Timekeeper::Database).await.map(|_| ()).unwrap_err();
    assert!(refused.is_transient());
    assert!(refused.to_string().contains("refused"), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
}

each_database!(the_databases_own_time_is_close_to_the_systems);

async fn the_databases_own_time_is_close_to_the_systems(database: &TestDatabase) {
    use gradus_domain::Clock;
    let store = Store::open(&database.location, Opening::MakeOrUpgrade, Timekeeper::Database).await.unwrap();
    let now = store.write(|change| async move { Ok(change.now()) }).await.unwrap();
    let apart = (gradus_domain::SystemClock.now() - now).abs();
    assert!(apart < chrono::TimeDelta::seconds(5), "{apart}");
    let written = user("ada");
    let id = written.id.0;
    store.write(|change| async move { users::insert(&change, written).await }).await.unwrap();
    assert!(users::get(&store.reader(), id).await.is_ok());
    store.close().await.unwrap();
}
