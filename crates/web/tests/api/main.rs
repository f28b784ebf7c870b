//! The REST API as programs meet it: a listening server over a real database and a real blob directory. What workers
//! write, tests write with the store's own functions.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abuse;
mod accounts;
#[path = "../http/asking.rs"]
mod asking;
mod broken_off;
mod conditions;
mod datasets;
mod denials;
mod description;
mod documents;
mod following;
mod forgery;
mod matrix;
mod models;
mod operations;
mod paging;
mod people;
mod quotas;
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

use gradus_testkit::{Kind, TestDatabase};

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Server)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {
        gradus_testkit::on_each_database!(crate::on: $($test),+);
    };
}
pub(crate) use each_database;

async fn on(kind: Kind, test: impl AsyncFnOnce(&server::Server)) {
    if let Some(database) = TestDatabase::new(kind).await {
        let server = server::Server::start(&database).await;
        test(&server).await;
        server.stop().await;
        database.remove().await;
    }
}
