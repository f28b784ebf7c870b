//! One table: its rows in the order of their keys, some at a time.

use std::marker::PhantomData;

use async_trait::async_trait;
use sea_orm::sea_query::{DynIden, IntoIden, ValueTuple};
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, EntityTrait, Identity, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::{StoreError, Transaction};

/// How many rows are in memory at once.
const AT_ONCE: u64 = 1000;

/// Some rows.
pub(super) struct Lines {
    /// Each as JSON.
    pub(super) lines: Vec<String>,
    /// The key of the last of them, unless there are no more.
    pub(super) last: Option<ValueTuple>,
}

/// A table whose rows can be written down and read back.
#[async_trait]
pub(super) trait Table: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The rows after a key.
    async fn read(
        &self,
        connection: &DatabaseTransaction,
        after: Option<ValueTuple>,
    ) -> Result<Lines, StoreError>;

    /// Stores rows.
    async fn write(&self, transaction: &Transaction, first: u64, lines: &[String]) -> Result<(), StoreError>;
}

/// The table of an entity.
pub(super) struct Of<E> {
    name: &'static str,
    entity: PhantomData<fn() -> E>,
}

impl<E> Of<E>
where
    Self: Table + 'static,
{
    pub(super) fn table(name: &'static str) -> Box<dyn Table> {
        Box::new(Self { name, entity: PhantomData })
    }
}

#[async_trait]
impl<E> Table for Of<E>
where
    E: EntityTrait,
    E::Model: Serialize + DeserializeOwned + IntoActiveModel<E::ActiveModel> + Send + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    async fn read(
        &self,
        connection: &DatabaseTransaction,
        after: Option<ValueTuple>,
    ) -> Result<Lines, StoreError> {
        let mut cursor = E::find().cursor_by(keys::<E>());
        if let Some(after) = after {
            cursor.after(after);
        }
        let rows = cursor.first(AT_ONCE).all(connection).await.tried("be read as a whole")?;
        let is_last = (rows.len() as u64) < AT_ONCE;
        let last = rows.last().filter(|_| !is_last).map(ModelTrait::get_primary_key_value);
        let lines = rows.iter().map(serde_json::to_string).collect::<Result<_, _>>();
        let lines = lines.map_err(|error| StoreError::Damaged(format!("a row of {}: {error}", self.name)))?;
        Ok(Lines { lines, last })
    }

    async fn write(&self, transaction: &Transaction, first: u64, lines: &[String]) -> Result<(), StoreError> {
        let mut rows = Vec::<E::Model>::with_capacity(lines.len());
        for (line, number) in lines.iter().zip(first..) {
            let row = serde_json::from_str(line)
                .map_err(|error| StoreError::Damaged(format!("row {number} of {}: {error}", self.name)))?;
            rows.push(row);
        }
        rows::insert_all(transaction, Noun { name: self.name, unique: "key" }, rows).await
    }
}

/// The columns of the primary key.
fn keys<E: EntityTrait>() -> Identity {
    let mut columns: Vec<DynIden> = E::PrimaryKey::iter().map(|key| key.into_column().into_iden()).collect();
    match columns.len() {
        1 => Identity::Unary(columns.remove(0)),
        2 => {
            let second = columns.remove(1);
            Identity::Binary(columns.remove(0), second)
        }
        3 => {
            let (third, second) = (columns.remove(2), columns.remove(1));
            Identity::Ternary(columns.remove(0), second, third)
        }
        _ => Identity::Many(columns),
    }
}
