//! A database of a test's own: a file of SQLite, or a database on the PostgreSQL server that `cargo xtask test` starts.

use std::sync::Arc;

use gradus_store::{DatabaseLocation, Opening, Store, Timekeeper};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{ManualClock, given};

const AMCHECK_IS_THERE: &str = "SELECT name::text FROM pg_available_extensions WHERE name = 'amcheck'";
/// Fails on the first index that misses a row or has one too many.
const CHECK_INDICES: &str = "SELECT class.relname::text, bt_index_check(class.oid::regclass, true)::text
    FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid
    JOIN pg_am AS method ON method.oid = class.relam
    WHERE method.amname = 'btree' AND class.relnamespace = 'public'::regnamespace";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A real server.
    Postgres,
}

/// A database of a test's own, which goes with it.
pub struct TestDatabase {
    /// Where it lies.
    pub location: DatabaseLocation,
    /// The clock of the stores that are opened here.
    pub clock: ManualClock,
    /// A directory of the test's own.
    pub directory: TempDir,
    server: Option<url::Url>,
}

impl TestDatabase {
    /// An empty database; none where there is no server of this kind, which is said once.
    pub async fn new(kind: Kind) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        match kind {
            Kind::Sqlite => {
                let location = DatabaseLocation::Sqlite(directory.path().join("gradus.db"));
                Some(Self { location, clock, directory, server: None })
            }
            Kind::Postgres => {
                let server = given::postgres()?;
                let name = format!("gradus_{}", Uuid::now_v7().simple());
                administrate(&server, &format!("CREATE DATABASE {name}")).await;
                let server: url::Url = server.parse().unwrap();
                let mut location = server.clone();
                location.set_path(&name);
                Some(Self {
                    location: DatabaseLocation::Postgres(location),
                    clock,
                    directory,
                    server: Some(server),
                })
            }
        }
    }

    /// Opens it as the server does.
    pub async fn open(&self) -> Store {
        self.open_as(Opening::MakeOrUpgrade).await.unwrap()
    }

    /// Opens it.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_as(&self, opening: Opening) -> Result<Store, gradus_store::StoreError> {
        Store::open(&self.location, opening, Timekeeper::Clock(Arc::new(self.clock.clone()))).await
    }

    /// Where it lies, as a configuration says it, password and all.
    pub fn address(&self) -> String {
        match &self.location {
            DatabaseLocation::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseLocation::Postgres(url) => url.to_string(),
        }
    }

    /// Runs SQL on it, whatever its shape.
    pub async fn execute(&self, sql: &str) {
        self.connect().await.execute_unprepared(sql).await.unwrap();
    }

    /// A connection past the store.
    pub async fn connect(&self) -> DatabaseConnection {
        let make = if self.server.is_none() { "?mode=rwc" } else { "" };
        Database::connect(self.address() + make).await.unwrap()
    }

    /// Makes sure that the database itself is sound: every page and index, and every reference from row to row.
    pub async fn check(&self) {
        let connection = self.connect().await;
        let first = async |sql: &str| -> Vec<String> {
            let rows =
                connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql));
            rows.await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
        };
        match &self.location {
            DatabaseLocation::Sqlite(_) => {
                assert_eq!(first("PRAGMA integrity_check").await, ["ok"]);
                assert!(
                    first("PRAGMA foreign_key_check").await.is_empty(),
                    "a row refers to one that is not there"
                );
            }
            // The server keeps references itself; its own tool for indices is not installed everywhere.
            DatabaseLocation::Postgres(_) => {
                if !first(AMCHECK_IS_THERE).await.is_empty() {
                    connection.execute_unprepared("CREATE EXTENSION IF NOT EXISTS amcheck").await.unwrap();
                    assert!(!first(CHECK_INDICES).await.is_empty(), "there is no index");
                }
            }
        }
    }

    /// Removes it; a test that fails leaves its database to the server's end.
    pub async fn remove(self) {
        if let (Some(server), DatabaseLocation::Postgres(url)) = (&self.server, &self.location) {
            let name = url.path().trim_start_matches('/');
            administrate(server.as_str(), &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn administrate(server: &str, sql: &str) {
    Database::connect(server).await.unwrap().execute_unprepared(sql).await.unwrap();
}
