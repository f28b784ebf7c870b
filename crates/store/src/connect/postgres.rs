//! PostgreSQL: one pool, whose connections cannot stay in a transaction that nobody ends.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions, Connection};
use tokio::time::{Instant, sleep, timeout};

use super::Pools;
use super::refusal::in_its_own_words;
use crate::StoreError;
use crate::error::Tried;

const CONNECTIONS: u32 = 10;
/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// sqlx 0.9.0 can leave a transaction open on a connection that goes back to the pool, when whoever asked for it goes away
/// during `BEGIN`. Transactions therefore run in tasks of their own; these limits end whatever is left all the same.
const LONGEST_LIFE: Duration = Duration::from_secs(300);
const SETTINGS: [(&str, &str); 4] = [
    // What is there already, as each start finds it, is no news. Times are in milliseconds.
    ("client_min_messages", "warning"),
    ("idle_in_transaction_session_timeout", "30000"),
    ("lock_timeout", "10000"),
    ("statement_timeout", "60000"),
];

pub(super) async fn open(url: &url::Url) -> Result<Pools, StoreError> {
    let options: PgConnectOptions = url.as_str().parse().map_err(|_| {
        StoreError::Location("the address of the PostgreSQL database cannot be read".to_owned())
    })?;
    let options = options.application_name("gradus").options(SETTINGS).disable_statement_logging();
    let pool = pool(options).await.map_err(in_its_own_words).tried("be reached")?;
    let connection: sea_orm::DatabaseConnection = pool.into();
    Ok(Pools { writer: connection.clone(), reader: connection })
}

/// Waits for a server that is only just starting, as a pool does; but a pool says in the end that it waited in vain, and
/// not why.
async fn reach(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let begun = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let waited = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        let tried = timeout(left, async { options.connect().await?.close().await });
        match tried.await.unwrap_or_else(waited) {
            Err(error) if may_be_starting(&error) && begun.elapsed() + PAUSE < PATIENCE => sleep(PAUSE).await,
            reached => return reached,
        }
    }
}

fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        // It starts, or all its connections are taken.
        sqlx::Error::Database(said) => matches!(said.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

async fn pool(options: PgConnectOptions) -> Result<sqlx::PgPool, sqlx::Error> {
    reach(&options).await?;
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .max_lifetime(LONGEST_LIFE)
        .connect_with(options)
        .await
}
