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

use gradus_testkit::Kind;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Running)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {
        gradus_testkit::on_each_database!(crate::on: $($test),+);
    };
}
pub(crate) use each_database;

async fn on(kind: Kind, test: impl AsyncFnOnce(&running::Running)) {
    if let Some(server) = running::Running::start(kind).await {
        test(&server).await;
        server.end().await;
    }
}
