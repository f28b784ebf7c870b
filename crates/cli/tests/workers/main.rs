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

mod documents;
mod frozen;
mod held_back;
mod killed;
mod marks;
mod site;
mod whole_job;
mod wishes;

/// Runs a test on SQLite and on PostgreSQL: `each_database!(name_of_the_test)` for an `async fn(&Site)`.
macro_rules! each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use gradus_testkit::Kind;

            async fn on(kind: Kind) {
                if let Some(site) = crate::site::Site::new(kind).await {
                    super::$test(&site).await;
                    site.remove().await;
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
