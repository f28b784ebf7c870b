//! One test on every kind of database.

/// Makes tests out of async functions, one on each kind of database: `on_each_database!(crate::on: name, other_name)`, where
/// `crate::on` is an `async fn(Kind, impl AsyncFnOnce(&T))` that lays out what the tests need, runs one of them, and clears
/// up after it. Functions that lay things out themselves take the kind and are named alone: `on_each_database!(name)`.
#[macro_export]
macro_rules! on_each_database {
    ($on:path: $($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn on_sqlite() {
                $on($crate::Kind::Sqlite, super::$test).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                $on($crate::Kind::Postgres, super::$test).await;
            }
        }
    )+};
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn on_sqlite() {
                super::$test($crate::Kind::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                super::$test($crate::Kind::Postgres).await;
            }
        }
    )+};
}
