//! How often something was tried lately, counted for all servers together.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::store::sealed::Connected;
use crate::{Rows, StoreError, Transaction};

const THROTTLE: Noun = Noun { name: "throttle", unique: "name" };

/// How often something was tried since a moment.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "throttle")]
#[expect(missing_docs, reason = "what leaves this module is the count")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub count: i64,
    pub since: DateTime<Utc>,
}

crate::table!();

/// How often something was tried in the present window of time, and when that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How often.
    pub count: i64,
    /// When counting begins anew.
    pub until: DateTime<Utc>,
}

/// Counts one more try of `name` in windows of this length.
pub async fn count(transaction: &Transaction, name: &str, window: Duration) -> Result<Tries, StoreError> {
    let length = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    let begun_before = transaction.now() - length;
    let first = ActiveModel { name: Set(name.to_owned()), count: Set(0), since: Set(transaction.now()) };
    let known = OnConflict::column(Column::Name).do_nothing().to_owned();
    Entity::insert(first)
        .on_conflict(known)
        .exec_without_returning(transaction.connection())
        .await
        .map(|_| ())
        .or_else(|error| if matches!(error, DbErr::RecordNotInserted) { Ok(()) } else { Err(error) })
        .tried("count a try")?;
    let anew = ActiveModel { count: Set(0), since: Set(transaction.now()), ..Default::default() };
    let over =
        Entity::update_many().set(anew).filter(Column::Name.eq(name)).filter(Column::Since.lte(begun_before));
    rows::change(transaction, over).await?;
    let one_more = Entity::update_many()
        .col_expr(Column::Count, Expr::col(Column::Count).add(1))
        .filter(Column::Name.eq(name));
    rows::change_one(transaction, THROTTLE.missing(name), one_more).await?;
    Ok(tries(transaction, name, window)
        .await?
        .unwrap_or(Tries { count: 1, until: transaction.now() + length }))
}

/// How often `name` was tried in the window that was begun last, which may be over.
pub async fn tries(rows: &impl Rows, name: &str, window: Duration) -> Result<Option<Tries>, StoreError> {
    let length = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    let row = rows::one(rows, Entity::find().filter(Column::Name.eq(name))).await?;
    Ok(row.map(|row| Tries { count: row.count, until: row.since + length }))
}

/// Forgets the tries of `name`: they ended well.
pub async fn forgive(transaction: &Transaction, name: &str) -> Result<(), StoreError> {
    rows::delete(transaction, THROTTLE, Entity::delete_many().filter(Column::Name.eq(name))).await.map(|_| ())
}

/// Forgets what was begun to be counted before `before`.
pub async fn forget(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    rows::delete(transaction, THROTTLE, Entity::delete_many().filter(Column::Since.lt(before))).await
}
