//! What a backup holds of the database: every table, but for those that only matter for minutes.

use gradus_store::backup;
use gradus_testkit::{Kind, TestDatabase};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

/// Logins, tries of passwords, who works at the moment, requests done lately, and what the migrations know.
const LEFT_OUT: [&str; 5] = ["idempotency_key", "schema_step", "session", "throttle", "worker"];

async fn texts(connection: &DatabaseConnection, sql: String, column: &str) -> Vec<String> {
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", column).unwrap()).collect()
}

#[tokio::test]
async fn every_table_is_kept_or_left_out_on_purpose_and_comes_after_those_that_it_refers_to() {
    let database = TestDatabase::new(Kind::Sqlite).await.unwrap();
    database.open().await.close().await.unwrap();
    let connection = database.connect().await;
    let there = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let there = texts(&connection, there.to_owned(), "name").await;
    let kept = backup::table_names();
    let left_out = there.iter().map(String::as_str).filter(|name| !kept.contains(name)).collect::<Vec<_>>();
    assert_eq!(left_out, LEFT_OUT);
    for (place, table) in kept.iter().enumerate() {
        assert!(there.iter().any(|name| name == table), "there is no table {table}");
        let references = format!("SELECT \"table\" AS referred FROM pragma_foreign_key_list('{table}')");
        for referred in texts(&connection, references, "referred").await {
            let its_place = kept.iter().position(|name| *name == referred);
            assert!(its_place.is_some_and(|its_place| its_place <= place), "{table} refers to {referred}");
        }
    }
}
