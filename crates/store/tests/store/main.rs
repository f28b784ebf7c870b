//! The store on both databases: what is written is read back, what is refused is undone, what two want one gets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod accounts;
mod backup;
mod blobs;
mod bookkeeping;
mod contents;
mod idempotency;
mod opening;
mod queue;
mod revisions;
mod samples;
mod training;
mod transactions;

use gradus_testkit::{Kind, TestDatabase};

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&TestDatabase)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {
        gradus_testkit::on_each_database!(crate::on: $($test),+);
    };
}
pub(crate) use each_database;

async fn on(kind: Kind, test: impl AsyncFnOnce(&TestDatabase)) {
    if let Some(database) = TestDatabase::new(kind).await {
        test(&database).await;
        database.remove().await;
    }
}
