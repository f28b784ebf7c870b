//! PostgreSQL: one pool, whose connections cannot stay in a transaction that nobody ends.

use std::time::Duration;

use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::Pools;
use crate::StoreError;
use crate::error::Tried;

const CONNECTIONS: u32 = 10;
/// sqlx 0.9.0 can leave a transaction open on a connection that goes back to the pool, when whoever asked for it goes away
/// during `BEGIN`. Transactions therefore run in tasks of their own; these limits end whatever is left all the same.
const LONGEST_LIFE: Duration = Duration::from_secs(300);
const LIMITS_MS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "30000"),
    ("lock_timeout", "10000"),
    ("statement_timeout", "60000"),
];

pub(super) async fn open(url: &url::Url) -> Result<Pools, StoreError> {
    let options: PgConnectOptions = url.as_str().parse().map_err(|_| {
        StoreError::Location("the address of the PostgreSQL database cannot be read".to_owned())
    })?;
    let options = options.application_name("gradus").options(LIMITS_MS).disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(10))
        .max_lifetime(LONGEST_LIFE)
        .connect_with(options)
        .await
        .map_err(|error| sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error))))
        .tried("be reached")?;
    let connection: sea_orm::DatabaseConnection = pool.into();
    Ok(Pools { writer: connection.clone(), reader: connection })
}
