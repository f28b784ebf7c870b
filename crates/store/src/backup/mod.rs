//! Every row as lines of JSON, and back: the same for both databases, so that a backup of one can be restored into the
//! other. What only matters for minutes (logins, throttles, workers, keys of requests) is left out.

mod table;

use sea_orm::{AccessMode, IsolationLevel, TransactionTrait};

use self::table::{Of, Table};
use crate::error::Tried;
use crate::store::sealed::Connected;
use crate::{Reader, Rows, Store, StoreError, Transaction};
use crate::{
    api_tokens, audit_events, blob_records, datasets, documents, error_events, files, migrations,
    model_tests, models, queue, reports, server_settings, shares, training_jobs, users,
};

/// Every table that is kept, each after those that it refers to.
fn tables() -> Vec<Box<dyn Table>> {
    vec![
        Of::<users::Entity>::table("user"),
        Of::<api_tokens::Entity>::table("api_token"),
        Of::<server_settings::Entity>::table("setting"),
        Of::<blob_records::Entity>::table("blob"),
        Of::<documents::Entity>::table("document"),
        Of::<datasets::Entity>::table("dataset"),
        Of::<shares::DatasetShares>::table("dataset_share"),
        Of::<datasets::versions::Entity>::table("dataset_version"),
        Of::<datasets::sources::Entity>::table("dataset_document"),
        Of::<datasets::examples::Entity>::table("example"),
        Of::<training_jobs::Entity>::table("training_job"),
        Of::<training_jobs::events::Entity>::table("training_event"),
        Of::<training_jobs::checkpoints::Entity>::table("checkpoint"),
        Of::<files::of_checkpoint::Entity>::table("checkpoint_file"),
        Of::<models::Entity>::table("model"),
        Of::<shares::ModelShares>::table("model_share"),
        Of::<files::of_model::Entity>::table("model_file"),
        Of::<model_tests::Entity>::table("model_test"),
        Of::<model_tests::submissions::Entity>::table("submission"),
        Of::<reports::Entity>::table("report"),
        Of::<queue::Entity>::table("queue_job"),
        Of::<error_events::Entity>::table("error_event"),
        Of::<audit_events::Entity>::table("audit_event"),
    ]
}

/// The names of the tables that are kept, in the order in which they are restored.
pub fn table_names() -> Vec<&'static str> {
    tables().iter().map(|table| table.name()).collect()
}

/// What the shape is called that rows have: those of another cannot be restored.
pub fn shape() -> &'static str {
    migrations::shape()
}

/// The database as it was at one moment, whatever is written meanwhile.
pub struct Snapshot {
    connection: sea_orm::DatabaseTransaction,
}

impl Snapshot {
    pub(crate) async fn of(reader: &Reader) -> Result<Self, StoreError> {
        let connection = reader
            .connection()
            .begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly))
            .await
            .tried("be read as a whole")?;
        Ok(Self { connection })
    }

    /// Hands every row of a table to `write`, as a line of JSON without its end.
    ///
    /// # Errors
    /// When the table is none of ours, cannot be read, or `write` fails.
    pub async fn read<E>(
        &self,
        table: &str,
        write: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        let table = named(table)?;
        let mut after = None;
        loop {
            let page = table.read(&self.connection, after).await?;
            for line in &page.lines {
                if let Err(error) = write(line) {
                    return Ok(Err(error));
                }
            }
            match page.last {
                Some(last) => after = Some(last),
                None => return Ok(Ok(())),
            }
        }
    }
}

/// Whether no user was ever stored: only into such a database a backup is restored.
pub async fn is_empty(rows: &impl Rows) -> Result<bool, StoreError> {
    Ok(users::page(rows, &crate::PageRequest::first(1)).await?.items.is_empty())
}

/// Stores rows of a table from lines of JSON.
///
/// # Errors
/// [`StoreError::Damaged`] when a line is no row of the table, with its number from `first`.
pub async fn write(
    transaction: &Transaction,
    table: &str,
    first: u64,
    lines: &[String],
) -> Result<(), StoreError> {
    named(table)?.write(transaction, first, lines).await
}

fn named(name: &str) -> Result<Box<dyn Table>, StoreError> {
    tables()
        .into_iter()
        .find(|table| table.name() == name)
        .ok_or_else(|| StoreError::NotFound { noun: "table", id: name.to_owned() })
}

impl Store {
    /// The database as it is now, to be read as a whole.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::of(&self.reader()).await
    }
}
