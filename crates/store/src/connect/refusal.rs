//! Why a database lets nobody in, in its own words: the driver adds in which line of the server's source that was written.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// The failure of a connection, with the database's message alone where it is the database that says no.
pub(super) fn in_its_own_words(error: sqlx::Error) -> DbErr {
    let error = match error {
        sqlx::Error::Database(said) => sqlx::Error::Database(Box::new(Refusal(said))),
        error => error,
    };
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

#[derive(Debug)]
struct Refusal(Box<dyn DatabaseError>);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.message())
    }
}

impl Error for Refusal {}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        self.0.message()
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.0.code()
    }

    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }
}
