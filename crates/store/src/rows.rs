//! What every table needs: inserting a row, finding one, a page of them, changing one if it still is as it was.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, UpdateMany,
};

use crate::error::{Tried, is_duplicate, is_referenced};
use crate::store::sealed::Connected;
use crate::{Page, PageRequest, Rows, StoreError, Transaction};

/// What an error calls a kind of thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noun {
    /// As in "there is no user x".
    pub(crate) name: &'static str,
    /// What may be had only once, where something may.
    pub(crate) unique: &'static str,
}

impl Noun {
    pub(crate) fn missing(self, id: impl ToString) -> StoreError {
        StoreError::NotFound { noun: self.name, id: id.to_string() }
    }
}

/// Inserts a row.
pub(crate) async fn insert<M>(transaction: &Transaction, noun: Noun, row: M) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    let inserted =
        M::Entity::insert(row.into_active_model()).exec_without_returning(transaction.connection()).await;
    match inserted {
        Err(error) if is_duplicate(&error) => {
            Err(StoreError::AlreadyThere { noun: noun.name, field: noun.unique })
        }
        Err(error) if is_referenced(&error) => Err(StoreError::NotFound {
            noun: "thing that it refers to",
            id: format!("for this {}", noun.name),
        }),
        other => other.map(|_| ()).tried("store a row"),
    }
}

/// Inserts many rows, a few hundred a statement: both databases limit the values of one.
pub(crate) async fn insert_all<M>(
    transaction: &Transaction,
    noun: Noun,
    rows: Vec<M>,
) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    const ROWS: usize = 500;
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS);
        let inserted = M::Entity::insert_many(some).exec_without_returning(transaction.connection()).await;
        match inserted {
            Err(error) if is_duplicate(&error) => {
                return Err(StoreError::AlreadyThere { noun: noun.name, field: noun.unique });
            }
            other => other.map(|_| ()).tried("store rows")?,
        }
    }
    Ok(())
}

/// The only row that `select` finds.
pub(crate) async fn one<E: EntityTrait>(
    rows: &impl Rows,
    select: Select<E>,
) -> Result<Option<E::Model>, StoreError> {
    select.one(rows.connection()).await.tried("find a row")
}

/// Every row that `select` finds.
pub(crate) async fn all<E: EntityTrait>(
    rows: &impl Rows,
    select: Select<E>,
) -> Result<Vec<E::Model>, StoreError> {
    select.all(rows.connection()).await.tried("list rows")
}

/// How many rows `select` finds.
pub(crate) async fn count<E>(rows: &impl Rows, select: Select<E>) -> Result<u64, StoreError>
where
    E: EntityTrait,
    E::Model: Sync,
{
    select.count(rows.connection()).await.tried("count rows")
}

/// The sum of a column of whole numbers over the rows that `select` finds.
pub(crate) async fn sum<E: EntityTrait>(
    rows: &impl Rows,
    select: Select<E>,
    column: E::Column,
) -> Result<u64, StoreError> {
    // A sum of integers is a decimal in PostgreSQL.
    let select = select.select_only().column_as(column.sum().cast_as("bigint"), "sum");
    let sum = select.into_tuple::<Option<i64>>().one(rows.connection()).await.tried("sum rows up")?;
    Ok(sum.flatten().unwrap_or(0).unsigned_abs())
}

/// One page of the rows that `select` finds, in the order of their ids.
pub(crate) async fn page<E: EntityTrait>(
    rows: &impl Rows,
    select: Select<E>,
    id: E::Column,
    request: &PageRequest,
) -> Result<Page<E::Model>, StoreError> {
    let select = match (request.after, request.oldest_first) {
        (None, _) => select,
        (Some(after), true) => select.filter(id.gt(after)),
        (Some(after), false) => select.filter(id.lt(after)),
    };
    let select = if request.oldest_first { select.order_by_asc(id) } else { select.order_by_desc(id) };
    let found = all(rows, select.limit(request.rows())).await?;
    Ok(Page::of(found, request))
}

/// Changes rows; how many there were.
pub(crate) async fn change<E: EntityTrait>(
    transaction: &Transaction,
    update: UpdateMany<E>,
) -> Result<u64, StoreError> {
    update.exec(transaction.connection()).await.map(|done| done.rows_affected).tried("change a row")
}

/// Makes the next revision of the rows that `update` changes. It is counted by the database, row by row, and so the next
/// whatever else changes the row and whatever the time is.
pub(crate) fn revise<E: EntityTrait>(update: UpdateMany<E>, revision: E::Column) -> UpdateMany<E> {
    update.col_expr(revision, Expr::col(revision).add(1))
}

/// Changes the row that must be there.
pub(crate) async fn change_one<E: EntityTrait>(
    transaction: &Transaction,
    missing: StoreError,
    update: UpdateMany<E>,
) -> Result<(), StoreError> {
    if change(transaction, update).await? == 0 { Err(missing) } else { Ok(()) }
}

/// Deletes rows; how many there were.
pub(crate) async fn delete<E: EntityTrait>(
    transaction: &Transaction,
    noun: Noun,
    delete: sea_orm::DeleteMany<E>,
) -> Result<u64, StoreError> {
    match delete.exec(transaction.connection()).await {
        Err(error) if is_referenced(&error) => Err(StoreError::InUse {
            noun: noun.name,
            used_by: "something that was made with it: delete that first",
        }),
        other => other.map(|done| done.rows_affected).tried("delete a row"),
    }
}
