//! Why something could not be remembered or recalled.

use gradus_domain::{NotNow, QueueJobId};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// Any failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The thing asked for is not there.
    #[error("there is no {noun} {id}")]
    NotFound {
        /// What kind of thing.
        noun: &'static str,
        /// Which.
        id: String,
    },
    /// Another thing has what may be had only once.
    #[error("there is already a {noun} with this {field}")]
    AlreadyThere {
        /// What kind of thing.
        noun: &'static str,
        /// What may be had only once.
        field: &'static str,
    },
    /// A thing is still used by others.
    #[error("the {noun} is still used by {used_by}")]
    InUse {
        /// What kind of thing.
        noun: &'static str,
        /// By what, and what to do.
        used_by: &'static str,
    },
    /// The thing's state does not allow the step.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// Someone else changed the thing since it was read.
    #[error(
        "the {noun} was changed by someone else in the meantime; look at it again, then repeat your change"
    )]
    Changed {
        /// What kind of thing.
        noun: &'static str,
    },
    /// The thing is not as whoever asks for the change says that they know it.
    #[error("the {noun} was changed since it was read; read it again, then repeat your change")]
    Stale {
        /// What kind of thing.
        noun: &'static str,
    },
    /// A worker that lost its job to another tried to write.
    #[error("job {0} is no longer this worker's: its lease ran out and it was given to another")]
    LeaseLost(QueueJobId),
    /// A try at a request under an idempotency key wanted to write after another took the key over.
    #[error(
        "another try of this request took over under its idempotency key; send it again to learn what came of it"
    )]
    Overtaken,
    /// Where the database lies was said in a way that cannot be understood.
    #[error("{0}")]
    Location(String),
    /// The database was made by a later version of Gradus.
    #[error(
        "the database was made by a later version of Gradus (it has step `{step}`, which this version does not know): \
         install that version, or restore a backup made before"
    )]
    Later {
        /// A step that this version does not know.
        step: String,
    },
    /// The database does not have the shape that this version needs.
    #[error(
        "the database is behind this version of Gradus: {missing} step(s) are to be made; start `gradus serve` once"
    )]
    Behind {
        /// How many steps are missing.
        missing: usize,
    },
    /// The database's content contradicts itself.
    #[error("the database is damaged: {0}; restore a backup with `gradus restore`")]
    Damaged(String),
    /// The database did not do its work.
    #[error("the database could not {action}: {source}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        source: DbErr,
    },
}

impl StoreError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Changed { .. } => true,
            Self::Database { source, .. } => is_transient(source),
            _ => false,
        }
    }

    /// Whether the storage's disk is full.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Database { source, .. } if matches!(code(source).as_deref(), Some("13" | "53100")))
    }
}

/// Says what was tried when a statement failed.
pub(crate) trait Tried<T> {
    /// The failure as a [`StoreError`].
    fn tried(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> Tried<T> for Result<T, DbErr> {
    fn tried(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { action, source })
    }
}

/// Whether a row of this content is there already.
pub(crate) fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether other rows still point at a row.
pub(crate) fn is_referenced(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

/// Busy, locked, snapshot too old, cannot get memory; serialisation, deadlock, lock not available, shutting down, too
/// many connections, and every failure of the connection itself. A database that answers, but cannot be opened (a file
/// that is none, a name that it does not know, a wrong password), will not be otherwise later.
fn is_transient(error: &DbErr) -> bool {
    match code(error).as_deref() {
        Some("5" | "6" | "7" | "261" | "517" | "10" | "13") => true,
        Some(
            "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "53100" | "53200" | "53300",
        ) => true,
        Some(code) => code.len() == 5 && code.starts_with("08"),
        None if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => true,
        None => is_broken_connection(error),
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sea_orm::sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn code(error: &DbErr) -> Option<String> {
    sqlx_error(error)?.as_database_error()?.code().map(Into::into)
}

fn is_broken_connection(error: &DbErr) -> bool {
    use sea_orm::sqlx::Error;
    matches!(
        sqlx_error(error),
        Some(
            Error::Io(_)
                | Error::PoolTimedOut
                | Error::PoolClosed
                | Error::WorkerCrashed
                | Error::Protocol(_)
        )
    )
}
