//! The shape of the database, and the steps to it from every shape that was ever released. A step is never changed once
//! it was: a new shape is a new step. All missing steps are made in one transaction, under a lock.

mod first;
mod shape;

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{IndexCreateStatement, Query, TableCreateStatement};

use crate::error::Tried;
use crate::store::sealed::Connected;
use crate::{Reader, Store, StoreError, turns};

/// A step from one shape to the next.
struct Step {
    /// When it was made and what it adds; stored in the database.
    name: &'static str,
    /// Its statements in order.
    changes: fn() -> Vec<Change>,
}

/// One statement of a step.
enum Change {
    Table(Box<TableCreateStatement>),
    Index(Box<IndexCreateStatement>),
}

const STEPS: &[Step] = &[Step { name: "2026-11-23 first shape", changes: first::changes }];

/// Makes the steps that are missing.
pub(crate) async fn apply(store: &Store) -> Result<(), StoreError> {
    let transaction = store.begin().await?;
    let connection = transaction.connection();
    turns::take(&transaction, "schema").await?;
    connection.execute(&shape::table_of_steps()).await.tried("say which version it is of")?;
    let made = made(connection).await?;
    for step in missing(&made)? {
        for change in (step.changes)() {
            match change {
                Change::Table(table) => connection.execute(table.as_ref()).await,
                Change::Index(index) => connection.execute(index.as_ref()).await,
            }
            .tried("be brought up to this version")?;
        }
        let record = Query::insert()
            .into_table(shape::STEPS)
            .columns(["name", "made_at"])
            .values_panic([step.name.into(), transaction.now().into()])
            .to_owned();
        connection.execute(&record).await.tried("be brought up to this version")?;
    }
    transaction.commit().await
}

/// Whether the database has this version's shape.
pub(crate) async fn check(reader: &Reader) -> Result<(), StoreError> {
    let made = made(reader.connection()).await?;
    match missing(&made)?.count() {
        0 => Ok(()),
        missing => Err(StoreError::Behind { missing }),
    }
}

async fn made(connection: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let names = Query::select().column("name").from(shape::STEPS).to_owned();
    let rows = connection.query_all(&names).await.tried("say which version it is of")?;
    rows.iter()
        .map(|row| row.try_get("", "name"))
        .collect::<Result<_, _>>()
        .tried("say which version it is of")
}

fn missing(made: &[String]) -> Result<impl Iterator<Item = &'static Step>, StoreError> {
    let is_known = |name: &&String| STEPS.iter().any(|step| step.name == name.as_str());
    if let Some(unknown) = made.iter().find(|name| !is_known(name)) {
        return Err(StoreError::Later { step: unknown.clone() });
    }
    Ok(STEPS.iter().filter(|step| !made.iter().any(|name| name == step.name)))
}
