//! The shape of the database, and the steps to it from every shape that was ever released. A step is never changed once
//! it was: a new shape is a new step. All missing steps are made in one transaction, under a lock.

mod first;
mod revisions;
mod shape;
#[cfg(test)]
mod tests;

use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DbBackend, StatementBuilder};

use crate::error::Tried;
use crate::store::sealed::Connected;
use crate::{Reader, Store, StoreError, Transaction, turns};

/// A step from one shape to the next.
pub(crate) struct Step {
    /// When it was made and what it adds; stored in the database.
    name: &'static str,
    /// Its statements in order.
    changes: fn() -> Vec<Change>,
}

/// One statement of a step, which both databases understand.
type Change = Box<dyn StatementBuilder + Send>;

const FIRST: Step = Step { name: "2026-11-23 first shape", changes: first::changes };

const REVISIONS: Step = Step { name: "2026-11-23 revisions", changes: revisions::changes };

/// The steps to this version's shape, from nothing.
pub(crate) const STEPS: &[Step] = &[FIRST, REVISIONS];

/// What this version's shape is called: its last step.
pub(crate) fn shape() -> &'static str {
    STEPS.last().map_or("", |step| step.name)
}

/// Makes those of the steps that are missing.
pub(crate) async fn apply(store: &Store, steps: &'static [Step]) -> Result<(), StoreError> {
    store.write(move |tx| async move { make_missing(&tx, steps).await }).await
}

async fn make_missing(transaction: &Transaction, steps: &'static [Step]) -> Result<(), StoreError> {
    let connection = transaction.connection();
    take_time(connection).await?;
    turns::take(transaction, "schema").await?;
    connection.execute(&shape::table_of_steps()).await.tried("say which version it is of")?;
    let made = made(connection).await?;
    for step in missing(&made, steps)? {
        for change in statements(step, connection.get_database_backend()) {
            connection.execute_raw(change).await.tried("be brought up to this version")?;
        }
        let record = Query::insert()
            .into_table(shape::STEPS)
            .columns(["name", "made_at"])
            .values_panic([step.name.into(), transaction.now().into()])
            .to_owned();
        connection.execute(&record).await.tried("be brought up to this version")?;
    }
    Ok(())
}

/// Steps over many rows take long, and a server that starts meanwhile waits for them.
async fn take_time(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    if connection.get_database_backend() == DbBackend::Postgres {
        for limit in ["statement_timeout", "lock_timeout"] {
            let lifted = connection.execute_unprepared(&format!("SET LOCAL {limit} = 0")).await;
            lifted.tried("be brought up to this version")?;
        }
    }
    Ok(())
}

fn statements(step: &Step, database: DbBackend) -> Vec<sea_orm::Statement> {
    (step.changes)().iter().map(|change| change.build(&database)).collect()
}

/// Whether the database has the shape that these steps lead to.
pub(crate) async fn check(reader: &Reader, steps: &'static [Step]) -> Result<(), StoreError> {
    let made = made(reader.connection()).await?;
    match missing(&made, steps)?.count() {
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

fn missing<'a>(
    made: &'a [String],
    steps: &'static [Step],
) -> Result<impl Iterator<Item = &'static Step> + use<'a>, StoreError> {
    let is_known = |name: &&String| steps.iter().any(|step| step.name == name.as_str());
    if let Some(unknown) = made.iter().find(|name| !is_known(name)) {
        return Err(StoreError::Later { step: unknown.clone() });
    }
    Ok(steps.iter().filter(move |step| !made.iter().any(|name| name == step.name)))
}
