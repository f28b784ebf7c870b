//! Changes that must not run side by side take turns: PostgreSQL would let each of two see how things were before the
//! other. SQLite has one writer at a time, so that its changes take turns anyway.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::error::Tried;
use crate::store::sealed::Connected;
use crate::{StoreError, Transaction};

/// Waits until no other change of this name is under way, on whatever server, and holds the turn until the end of the
/// transaction. Taken before anything is read: what is read from then on is what the others left.
pub async fn take(transaction: &Transaction, name: &str) -> Result<(), StoreError> {
    let connection = transaction.connection();
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    // Two names of one hash wait for each other without need, and that is all.
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    let lock = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
    connection.execute_raw(lock).await.map(|_| ()).tried("take its turn")
}
