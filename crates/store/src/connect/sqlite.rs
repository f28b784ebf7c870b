//! SQLite: one connection that writes, so that writers of one process queue instead of polling, and a few that cannot.

use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Opening, Pools};
use crate::StoreError;
use crate::error::Tried;

const READERS: u32 = 4;
/// How long a writer waits for one of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const JOURNAL_BYTES: &str = "67108864";

pub(super) async fn open(path: &Path, opening: Opening) -> Result<Pools, StoreError> {
    if opening == Opening::AsItIs && !path.is_file() {
        return Err(StoreError::Location(format!(
            "there is no database at {}; `gradus serve` makes it",
            path.display()
        )));
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("journal_size_limit", JOURNAL_BYTES)
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    let writer = match opening {
        // Changing the journal needs every other connection to be gone: done once, by the process that starts first.
        Opening::MakeOrUpgrade => {
            options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal)
        }
        Opening::AsItIs => options.clone(),
    };
    let writer = pool(1).connect_with(writer).await.map_err(sea_orm_error).tried("be opened")?;
    let reader = options.pragma("query_only", "ON");
    let reader = pool(READERS).connect_with(reader).await.map_err(sea_orm_error).tried("be opened")?;
    Ok(Pools { writer: writer.into(), reader: reader.into() })
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn sea_orm_error(error: sea_orm::sqlx::Error) -> sea_orm::DbErr {
    sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}
