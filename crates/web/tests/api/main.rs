//! The REST API as programs meet it: a listening server over a real database and a real blob directory. What workers
//! write, tests write with the store's own functions.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abuse;
mod accounts;
#[path = "../http/asking.rs"]
mod asking;
mod conditions;
mod datasets;
mod denials;
mod description;
mod documents;
mod forgery;
mod matrix;
mod models;
mod operations;
mod paging;
mod people;
mod reading;
mod repeating;
mod reports;

mod schemathesis;
mod secrecy;
mod server;
mod sharing;
mod strictness;
mod things;
mod timing;
mod training;
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
#[path = "../http/wire.rs"]
mod wire;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Server)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use gradus_testkit::{Kind, TestDatabase};

            use crate::server::Server;

            async fn on(kind: Kind) {
                if let Some(database) = TestDatabase::new(kind).await {
                    let server = Server::start(&database).await;
                    super::$test(&server).await;
                    server.stop().await;
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
