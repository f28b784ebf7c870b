//! The database as a whole: opening it, reading from it, and the one way to write to it.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use gradus_domain::Clock;

use crate::error::Tried;
use crate::idempotency::{self, Attempt};
use crate::migrations::Step;
use crate::{DatabaseLocation, News, Opening, StoreError, connect, migrations};

/// Where transactions take the time from.
#[derive(Clone)]
pub enum Timekeeper {
    /// A clock of this process. Right where one machine does everything, and in tests.
    Clock(Arc<dyn Clock>),
    /// The database server's clock. Right where several machines share it, whose clocks differ.
    Database,
}

/// The database.
#[derive(Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    timekeeper: Timekeeper,
    /// Whose work is written.
    attempt: Option<Attempt>,
}

impl Store {
    /// Opens the database; makes it, or brings it up to this version, if `opening` says so.
    ///
    /// # Errors
    /// When it cannot be reached, is damaged, or is of another version than may be used.
    pub async fn open(
        location: &DatabaseLocation,
        opening: Opening,
        timekeeper: Timekeeper,
    ) -> Result<Self, StoreError> {
        Self::open_shaped(location, opening, timekeeper, migrations::STEPS).await
    }

    /// Opens the database in the shape that these steps lead to.
    pub(crate) async fn open_shaped(
        location: &DatabaseLocation,
        opening: Opening,
        timekeeper: Timekeeper,
        steps: &'static [Step],
    ) -> Result<Self, StoreError> {
        let pools = connect::open(location, opening).await?;
        let store = Self { writer: pools.writer, reader: pools.reader, timekeeper, attempt: None };
        match opening {
            Opening::MakeOrUpgrade => migrations::apply(&store, steps).await?,
            Opening::AsItIs => migrations::check(&store.reader(), steps).await?,
        }
        Ok(store)
    }

    /// The same database for the work of a request under an idempotency key. What is written through it is committed
    /// together with the note that the request is done, and not at all once another attempt has taken the key over.
    #[must_use]
    pub fn under(&self, attempt: Attempt) -> Self {
        Self { attempt: Some(attempt), ..self.clone() }
    }

    /// A way to read what was committed.
    pub fn reader(&self) -> Reader {
        Reader(self.reader.clone())
    }

    /// Runs `work` in a transaction, and commits it if `work` succeeds.
    ///
    /// The transaction runs to its end in a task of its own: whoever waits for it may go away, as a browser does, and
    /// what was begun is still either done or undone. Its commit is always awaited, so that what is acknowledged is
    /// there. On SQLite it holds the write lock from its beginning, so that what it reads stays true until it writes.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Overtaken`], and when the database cannot begin or commit. Nothing was changed then.
    pub async fn write<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.run(work, |_| true).await
    }

    /// As [`Store::write`], for work that may refuse in words of its own, which undoes it like any other failure.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_unless_refused<T, E, W, F>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.run(work, |_| true).await
    }

    /// As [`Store::write`], for work that may refuse. What it recorded about its refusal is committed, and a request under
    /// an idempotency key is not done by that.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_or_refuse<T, E, W, F>(&self, work: W) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<Result<T, E>, StoreError>> + Send + 'static,
    {
        self.run(work, Result::is_ok).await
    }

    async fn run<T, E, W, F>(&self, work: W, is_done: fn(&T) -> bool) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let store = self.clone();
        let task = tokio::spawn(async move {
            let transaction = store.begin().await?;
            let result = match (work(transaction.clone()).await, &store.attempt) {
                (Ok(done), Some(attempt)) if is_done(&done) => {
                    idempotency::note_done(&transaction, attempt).await.map(|()| done).map_err(E::from)
                }
                (result, _) => result,
            };
            match &result {
                Ok(_) => transaction.commit().await?,
                // A change that cannot be undone by saying so is undone when its connection is closed.
                Err(_) => transaction.undo().await.unwrap_or_else(|error| tracing::warn!(%error, "a change")),
            }
            result
        });
        task.await.unwrap_or_else(|failure| match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(E::from(StoreError::Database {
                action: "finish a change: the process is shutting down",
                source: sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::ConnectionClosed),
            })),
        })
    }

    /// Makes sure that the database answers and has the shape that this version needs.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        migrations::check(&self.reader(), migrations::STEPS).await
    }

    /// News of the queue, for a worker.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn news(&self) -> Result<News, StoreError> {
        News::of(&self.reader).await
    }

    /// How many connections are open and how many of them are idle, writers and readers together.
    pub fn connections(&self) -> Connections {
        match self.writer.get_database_backend() {
            DbBackend::Sqlite => {
                let pools = [&self.writer, &self.reader].map(|pool| pool.get_sqlite_connection_pool());
                Connections {
                    open: pools.iter().map(|pool| pool.size() as usize).sum(),
                    idle: pools.iter().map(|pool| pool.num_idle()).sum(),
                }
            }
            _ => {
                let pool = self.writer.get_postgres_connection_pool();
                Connections { open: pool.size() as usize, idle: pool.num_idle() }
            }
        }
    }

    /// Closes every connection, once its work is done.
    ///
    /// # Errors
    /// When the database objects.
    pub async fn close(self) -> Result<(), StoreError> {
        self.reader.close().await.tried("be closed")?;
        self.writer.close().await.tried("be closed")
    }

    /// The time as statements compare it: a moment, or the database's own clock when it is asked.
    pub(crate) fn time(&self) -> Expr {
        match &self.timekeeper {
            Timekeeper::Clock(clock) => Expr::val(clock.now().trunc_subsecs(6)),
            Timekeeper::Database => match self.reader.get_database_backend() {
                DbBackend::Sqlite => Expr::cust("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
                _ => Expr::cust("clock_timestamp()"),
            },
        }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let connection = self.writer.begin_with_options(options).await.tried("begin a change")?;
        let now = match &self.timekeeper {
            Timekeeper::Clock(clock) => clock.now(),
            Timekeeper::Database => database_time(&connection).await?,
        };
        // PostgreSQL keeps microseconds: what is compared later must be what was written.
        Ok(Transaction { connection: Arc::new(connection), now: now.trunc_subsecs(6) })
    }
}

async fn database_time(connection: &impl ConnectionTrait) -> Result<DateTime<Utc>, StoreError> {
    let sql = match connection.get_database_backend() {
        DbBackend::Sqlite => "SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') AS now",
        _ => "SELECT clock_timestamp() AS now",
    };
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.tried("say what time it is")?;
    let row = row.ok_or_else(|| StoreError::Damaged("it does not say what time it is".to_owned()))?;
    row.try_get("", "now").tried("say what time it is")
}

/// How many connections a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that are open.
    pub open: usize,
    /// Those of them that nobody uses at the moment.
    pub idle: usize,
}

/// A way to read what was committed.
#[derive(Clone)]
pub struct Reader(DatabaseConnection);

/// A change that is under way: sees its own writes, and is undone unless it is committed.
#[derive(Clone)]
pub struct Transaction {
    connection: Arc<DatabaseTransaction>,
    now: DateTime<Utc>,
}

impl Transaction {
    /// When it began, in microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.end()?.commit().await.tried("commit a change")
    }

    async fn undo(self) -> Result<(), StoreError> {
        self.end()?.rollback().await.tried("undo a change")
    }

    fn end(self) -> Result<DatabaseTransaction, StoreError> {
        Arc::into_inner(self.connection)
            .ok_or_else(|| StoreError::Damaged("a change outlived the work that it belongs to".to_owned()))
    }
}

/// What rows can be read through: a [`Reader`] or a [`Transaction`].
pub trait Rows: sealed::Connected + Send + Sync {}

impl Rows for Reader {}
impl Rows for Transaction {}

pub(crate) mod sealed {
    use sea_orm::ConnectionTrait;

    /// Keeps the database library out of the interface.
    pub trait Connected {
        /// The connection's type.
        type Connection: ConnectionTrait;
        /// The connection.
        fn connection(&self) -> &Self::Connection;
    }
}

impl sealed::Connected for Reader {
    type Connection = DatabaseConnection;

    fn connection(&self) -> &DatabaseConnection {
        &self.0
    }
}

impl sealed::Connected for Transaction {
    type Connection = DatabaseTransaction;

    fn connection(&self) -> &DatabaseTransaction {
        &self.connection
    }
}
