//! Pools of connections, built here because the defaults of the libraries lose writes or show passwords.

mod postgres;
mod refusal;
mod sqlite;

use sea_orm::DatabaseConnection;

use crate::{DatabaseLocation, StoreError};

/// What a process may do with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Make it, or bring it up to this version. The server.
    MakeOrUpgrade,
    /// It must be there and be of this version. Workers.
    AsItIs,
}

/// The two ways into the database.
pub(crate) struct Pools {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
}

pub(crate) async fn open(location: &DatabaseLocation, opening: Opening) -> Result<Pools, StoreError> {
    match location {
        DatabaseLocation::Sqlite(path) => sqlite::open(path, opening).await,
        DatabaseLocation::Postgres(url) => postgres::open(url).await,
    }
}
