//! Upgrades on both databases: from an older list of steps, with rows, to one with a step more.

use std::sync::Arc;

use gradus_domain::{Id as _, ReportId, Role};
use gradus_testkit::{Kind, TestDatabase};
use sea_orm::sea_query::{Expr, Index, Table};

use super::shape::{id, text};
use super::*;
use crate::users::{self, User};
use crate::{DatabaseLocation, Opening, PageRequest, Timekeeper, Whose, reports};

/// What the next version might add: a table, a column of a table with rows, and its content.
const NOTES: Step = Step { name: "2027-01-01 notes", changes: notes };
const NEXT: &[Step] = &[FIRST, NOTES];
/// As [`NOTES`], but its last statement cannot be done.
const BROKEN: &[Step] = &[FIRST, Step { name: "2027-01-01 broken", changes: broken }];

fn notes() -> Vec<Change> {
    let column = text("note").default("none").take();
    vec![
        Box::new(shape::table("note", [id(), text("body")])),
        Box::new(Table::alter().table("user").add_column(column).take()),
        Box::new(Query::update().table("user").value("note", Expr::col("display_name")).take()),
        Box::new(Index::create().name("user_by_note").table("user").col("note").take()),
    ]
}

fn broken() -> Vec<Change> {
    let impossible = Index::create().name("nowhere").table("no_such_table").col("note").take();
    notes().into_iter().chain([Box::new(impossible) as Change]).collect()
}

async fn open(
    database: &TestDatabase,
    opening: Opening,
    steps: &'static [Step],
) -> Result<Store, StoreError> {
    let location: DatabaseLocation = database.address().parse().unwrap();
    let clock = Timekeeper::Clock(Arc::new(database.clock.clone()));
    Store::open_shaped(&location, opening, clock, steps).await
}

/// A database as the first version left it, with users.
async fn old(database: &TestDatabase) {
    let store = open(database, Opening::MakeOrUpgrade, &[FIRST]).await.unwrap();
    for name in ["ada", "bob", "carol"] {
        store
            .write(move |tx| async move {
                let user = User::new(name, name.to_uppercase(), Role::Author, tx.now());
                users::insert(&tx, user).await
            })
            .await
            .unwrap();
    }
    store.close().await.unwrap();
}

async fn user_names(store: &Store) -> Vec<String> {
    let users = users::page(&store.reader(), &PageRequest::first(10)).await.unwrap().items;
    let mut names: Vec<_> = users.into_iter().map(|user| user.name).collect();
    names.sort();
    names
}

async fn steps_made(store: &Store) -> Vec<String> {
    let mut made = made(store.reader().connection()).await.unwrap();
    made.sort();
    made
}

async fn has_table_of_notes(store: &Store) -> bool {
    let notes = Query::select().column("body").from("note").to_owned();
    store.reader().connection().query_all(&notes).await.is_ok()
}

async fn an_older_database_is_upgraded_in_place_and_keeps_its_rows(database: &TestDatabase) {
    old(database).await;
    let store = open(database, Opening::MakeOrUpgrade, NEXT).await.unwrap();
    assert_eq!(user_names(&store).await, ["ada", "bob", "carol"]);
    let notes = Query::select().column("note").from("user").order_by("name", sea_orm::Order::Asc).to_owned();
    let notes = store.reader().connection().query_all(&notes).await.unwrap();
    let notes: Vec<String> = notes.iter().map(|row| row.try_get("", "note").unwrap()).collect();
    assert_eq!(notes, ["ADA", "BOB", "CAROL"]);
    assert_eq!(steps_made(&store).await, [FIRST.name, NOTES.name]);
    store.close().await.unwrap();
    // Nothing is made a second time.
    open(database, Opening::MakeOrUpgrade, NEXT).await.unwrap().close().await.unwrap();
}

/// From here on, whatever happens to it is counted.
async fn what_is_there_already_is_of_its_first_revision(database: &TestDatabase) {
    old(database).await;
    let report = ReportId::new();
    let store = open(database, Opening::AsItIs, &[FIRST]).await.unwrap();
    let owner = users::page(&store.reader(), &PageRequest::first(1)).await.unwrap().items[0].id.0;
    store
        .write(move |tx| async move {
            let row = Query::insert()
                .into_table("report")
                .columns(["id", "owner_id", "kind", "name", "state", "created_at"])
                .values_panic([
                    report.uuid().into(),
                    owner.uuid().into(),
                    "model-test".into(),
                    "June".into(),
                    "queued".into(),
                    tx.now().into(),
                ])
                .to_owned();
            tx.connection().execute(&row).await.tried("store a row").map(|_| ())
        })
        .await
        .unwrap();
    store.close().await.unwrap();
    let store = open(database, Opening::MakeOrUpgrade, STEPS).await.unwrap();
    let found = reports::get(&store.reader(), Whose::Anyones, report).await.unwrap();
    assert_eq!((found.name.as_str(), found.revision), ("June", 1));
    store.close().await.unwrap();
}

async fn servers_that_start_at_once_upgrade_once(database: &TestDatabase) {
    old(database).await;
    let start = || open(database, Opening::MakeOrUpgrade, NEXT);
    let (one, two, three) = tokio::join!(start(), start(), start());
    for store in [one, two, three] {
        let store = store.unwrap();
        assert_eq!(steps_made(&store).await, [FIRST.name, NOTES.name]);
        assert_eq!(user_names(&store).await.len(), 3);
        store.close().await.unwrap();
    }
}

async fn a_step_that_fails_leaves_the_old_shape_whole(database: &TestDatabase) {
    old(database).await;
    let failure = open(database, Opening::MakeOrUpgrade, BROKEN).await.map(|_| ()).unwrap_err();
    assert!(failure.to_string().contains("could not be brought up to this version"), "{failure}");
    let store = open(database, Opening::MakeOrUpgrade, &[FIRST]).await.unwrap();
    assert_eq!(steps_made(&store).await, [FIRST.name]);
    assert!(!has_table_of_notes(&store).await, "half a step was made");
    assert_eq!(user_names(&store).await, ["ada", "bob", "carol"]);
    store.close().await.unwrap();
    let mended = open(database, Opening::MakeOrUpgrade, NEXT).await.unwrap();
    assert!(has_table_of_notes(&mended).await);
    mended.close().await.unwrap();
}

async fn an_older_version_refuses_a_database_that_was_upgraded(database: &TestDatabase) {
    old(database).await;
    open(database, Opening::MakeOrUpgrade, NEXT).await.unwrap().close().await.unwrap();
    for opening in [Opening::MakeOrUpgrade, Opening::AsItIs] {
        let refused = open(database, opening, &[FIRST]).await.map(|_| ()).unwrap_err();
        assert!(matches!(&refused, StoreError::Later { step } if step == NOTES.name), "{refused}");
        let told = refused.to_string();
        assert!(told.contains("later version") && told.contains("install that version"), "{told}");
    }
    let store = open(database, Opening::AsItIs, NEXT).await.unwrap();
    assert_eq!(user_names(&store).await, ["ada", "bob", "carol"]);
    store.close().await.unwrap();
}

async fn a_worker_of_the_next_version_waits_for_its_server(database: &TestDatabase) {
    old(database).await;
    let refused = open(database, Opening::AsItIs, NEXT).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Behind { missing: 1 }), "{refused}");
    assert!(refused.to_string().contains("start `gradus serve` once"), "{refused}");
}

macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $test() { super::on(super::Kind::Sqlite, super::$test).await; })+
        }
        mod on_postgresql {
            $(#[tokio::test] async fn $test() { super::on(super::Kind::Postgres, super::$test).await; })+
        }
    };
}

each_database!(
    an_older_database_is_upgraded_in_place_and_keeps_its_rows,
    what_is_there_already_is_of_its_first_revision,
    servers_that_start_at_once_upgrade_once,
    a_step_that_fails_leaves_the_old_shape_whole,
    an_older_version_refuses_a_database_that_was_upgraded,
    a_worker_of_the_next_version_waits_for_its_server,
);

async fn on(kind: Kind, test: impl AsyncFnOnce(&TestDatabase)) {
    if let Some(database) = TestDatabase::new(kind).await {
        test(&database).await;
        database.remove().await;
    }
}

/// The statements of each step, as they were released: databases have been made by them. A step is never changed, so that
/// this list only ever grows. Where a newer version of the SQL builder spells the same statement otherwise, make sure that
/// both make the same shape before a hash is replaced.
#[test]
fn released_steps_are_as_they_were_released() {
    let released = [
        (
            "2026-11-23 first shape",
            "ff508ec4a93270eca0e9ecadac63de13d5fa8190f860f65630c9c07fc7ef3543",
            "52786a47242a898930c007698bb015f8f1e825e1c376e82f17379fdcb1a241f8",
        ),
        (
            "2026-11-23 revisions",
            "69b39f90d6e1f506860cca8802b5db33e3172f2df912b7a04a750567d316c774",
            "4a6aef3bcccc72cffe389df1935883931389a9a413d75a17fe47d7f7493fe6c1",
        ),
    ];
    let hash = |step: &Step, database| {
        let statements = statements(step, database).iter().map(ToString::to_string).collect::<Vec<_>>();
        blake3::hash(statements.join(";\n").as_bytes()).to_hex().to_string()
    };
    let now: Vec<_> = STEPS
        .iter()
        .map(|step| (step.name, hash(step, DbBackend::Sqlite), hash(step, DbBackend::Postgres)))
        .collect();
    let now: Vec<_> = now.iter().map(|(name, one, other)| (*name, one.as_str(), other.as_str())).collect();
    assert_eq!(now[..released.len()], released);
    assert_eq!(now.len(), released.len(), "pin the new step here when it is released");
}
