//! Hearing that something changed, so that work begins at once without asking all the time.

use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::postgres::PgListener;
use sea_orm::sqlx::{self, Sqlite};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};
use tokio::time::Instant;

use crate::error::Tried;
use crate::store::sealed::Connected;
use crate::{StoreError, Transaction};

/// The channel on which PostgreSQL tells of new work.
const CHANNEL: &str = "gradus_queue";
/// SQLite tells nobody. Whether its file was changed is asked this often, at some microseconds a time.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After a lost connection, how long until the next attempt.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Waits for news of the queue.
pub struct News(Source);

enum Source {
    Sqlite { connection: PoolConnection<Sqlite>, version: i64 },
    Postgres(Box<PgListener>),
}

impl News {
    pub(crate) async fn of(reader: &DatabaseConnection) -> Result<Self, StoreError> {
        let source = match reader.get_database_backend() {
            DbBackend::Sqlite => {
                let acquired = reader.get_sqlite_connection_pool().acquire().await;
                let connection = acquired.map_err(lost).tried("be listened to")?;
                Source::Sqlite { connection, version: 0 }
            }
            _ => {
                let connected = PgListener::connect_with(reader.get_postgres_connection_pool()).await;
                let mut listener = connected.map_err(lost).tried("be listened to")?;
                listener.listen(CHANNEL).await.map_err(lost).tried("be listened to")?;
                Source::Postgres(Box::new(listener))
            }
        };
        Ok(Self(source))
    }

    /// Returns when there may be new work, or after `at_most`.
    pub async fn wait(&mut self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        match &mut self.0 {
            Source::Sqlite { connection, version } => {
                while Instant::now() < deadline {
                    let now = sqlx::query_scalar::<_, i64>("PRAGMA data_version")
                        .fetch_one(&mut **connection)
                        .await;
                    match now {
                        Ok(now) if now == *version => tokio::time::sleep(LOOK_EVERY).await,
                        Ok(now) => {
                            *version = now;
                            return;
                        }
                        Err(_) => tokio::time::sleep_until(deadline).await,
                    }
                }
            }
            Source::Postgres(listener) => {
                // A lost connection is made again by the next call; until then the caller looks by itself.
                if let Ok(Err(_)) = tokio::time::timeout_at(deadline, listener.recv()).await {
                    tokio::time::sleep(RECONNECT_AFTER.min(at_most)).await;
                }
            }
        }
    }
}

/// Tells whoever waits for work, once the transaction is committed.
pub(crate) async fn tell(transaction: &Transaction) -> Result<(), StoreError> {
    let connection = transaction.connection();
    if connection.get_database_backend() == DbBackend::Postgres {
        let notify =
            Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, '')", [CHANNEL.into()]);
        connection.execute_raw(notify).await.tried("tell of new work")?;
    }
    Ok(())
}

fn lost(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}
