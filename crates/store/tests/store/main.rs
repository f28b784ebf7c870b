//! The store on both databases: what is written is read back, what is refused is undone, what two want one gets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod accounts;
mod backup;
mod blobs;
mod bookkeeping;
mod contents;
mod opening;
mod queue;
mod samples;
mod training;
mod transactions;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&TestDatabase)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use gradus_testkit::{Kind, TestDatabase};

            async fn on(kind: Kind) {
                if let Some(database) = TestDatabase::new(kind).await {
                    super::$test(&database).await;
                    database.remove().await;
                }
            }

            #[tokio::test]
            async fn on_sqlite() {
                on(Kind::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                on(Kind::Postgres).await;
            }
        }
    )+};
}
pub(crate) use each_database;
