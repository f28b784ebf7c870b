//! Who may do what, on both databases: set-up, logins, sessions, API tokens, users, sharing, quotas, the audit log.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api_tokens;
mod audit_log;
mod fixture;
mod logging_in;
mod own_account;
mod quotas;
mod secrecy;
mod sessions;
mod setting_up;
mod sharing;
mod throttling;
mod users;

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
