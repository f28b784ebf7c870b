//! Workers as processes of their own over real databases: what they are asked to do gets done, whatever happens to them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../command_line/course.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod course;
#[path = "../command_line/gradus.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod gradus;
#[path = "../command_line/model.rs"]
mod model;

mod base_model;
mod documents;
mod frozen;
mod held_back;
mod killed;
mod marks;
mod site;
mod whole_job;
mod wishes;

use gradus_testkit::Kind;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Site)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {
        gradus_testkit::on_each_database!(crate::on: $($test),+);
    };
}
pub(crate) use each_database;

async fn on(kind: Kind, test: impl AsyncFnOnce(&site::Site)) {
    if let Some(site) = site::Site::new(kind).await {
        test(&site).await;
        site.remove().await;
    }
}
