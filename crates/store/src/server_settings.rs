//! What the servers know in common: small values under a name, such as the hash of the one-time token for setting up.

use chrono::{DateTime, Utc};
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::store::sealed::Connected;
use crate::{Json, Rows, StoreError, Transaction};

const SETTING: Noun = Noun { name: "setting", unique: "name" };

/// A value under a name.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "setting")]
#[expect(missing_docs, reason = "what leaves this module is the value")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: Json<serde_json::Value>,
    pub updated_at: DateTime<Utc>,
}

crate::table!();

/// The value under a name.
pub async fn find(rows: &impl Rows, name: &str) -> Result<Option<serde_json::Value>, StoreError> {
    Ok(rows::one(rows, Entity::find().filter(Column::Name.eq(name))).await?.map(|setting| setting.value.0))
}

/// Puts a value under a name, in place of what was there.
pub async fn put(transaction: &Transaction, name: &str, value: serde_json::Value) -> Result<(), StoreError> {
    let setting = Model { name: name.to_owned(), value: Json(value), updated_at: transaction.now() };
    let known =
        OnConflict::column(Column::Name).update_columns([Column::Value, Column::UpdatedAt]).to_owned();
    Entity::insert(setting.into_active_model())
        .on_conflict(known)
        .exec_without_returning(transaction.connection())
        .await
        .map(|_| ())
        .tried("store a setting")
}

/// Removes what is under a name; whether there was something.
pub async fn remove(transaction: &Transaction, name: &str) -> Result<bool, StoreError> {
    let it = Entity::delete_many().filter(Column::Name.eq(name));
    Ok(rows::delete(transaction, SETTING, it).await? > 0)
}

/// Removes everything.
pub async fn remove_all(transaction: &Transaction) -> Result<(), StoreError> {
    rows::delete(transaction, SETTING, Entity::delete_many()).await.map(|_| ())
}

/// Every value under a name that begins so, with its name.
pub async fn with_prefix(
    rows: &impl Rows,
    prefix: &str,
) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
    let named = Entity::find().filter(Column::Name.starts_with(prefix));
    let found = rows::all(rows, named).await?;
    Ok(found.into_iter().map(|setting| (setting.name, setting.value.0)).collect())
}
