//! OpenAI's API as its clients meet it: a real server over real databases, asked in raw bytes and by the official
//! client. No worker runs here: jobs are queued, and what a worker would write, the tests do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod answers;
#[expect(dead_code, reason = "the other tests of the server need more of it")]
#[path = "../http/asking.rs"]
mod asking;
mod errors;
mod files;
mod jobs;
mod models;
mod official_client;
mod running;
mod steering;
mod uploads;
#[expect(dead_code, reason = "the other tests of the server need more of it")]
#[path = "../http/wire.rs"]
mod wire;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Running)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use gradus_testkit::Kind;

            async fn on(kind: Kind) {
                if let Some(server) = crate::running::Running::start(kind).await {
                    super::$test(&server).await;
                    server.end().await;
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
