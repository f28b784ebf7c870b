//! Who did what, when and from where. Rows are only ever added, and forgotten after years.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use gradus_domain::{AuditEventId, UserId};

use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Transaction};

const AUDIT_EVENT: Noun = Noun { name: "audit event", unique: "id" };

/// Something that someone did, or tried.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<AuditEventId>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who, where that is known.
    pub user_id: Option<Key<UserId>>,
    /// The name that was given.
    pub user_name: String,
    /// What, as in `login` or `share-model`.
    pub action: String,
    /// `done`, or why not.
    pub outcome: String,
    /// To what.
    pub subject: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What else is worth knowing; never a secret.
    pub details: Json<serde_json::Value>,
}

crate::table!();

pub use Model as AuditEvent;

/// Adds an event.
pub async fn insert(transaction: &Transaction, event: AuditEvent) -> Result<(), StoreError> {
    rows::insert(transaction, AUDIT_EVENT, event).await
}

/// A page of the events, of one user or of all.
pub async fn page(
    rows: &impl Rows,
    user: Option<UserId>,
    request: &PageRequest,
) -> Result<Page<AuditEvent>, StoreError> {
    let mut select = Entity::find();
    if let Some(user) = user {
        select = select.filter(Column::UserId.eq(Key(user)));
    }
    rows::page(rows, select, Column::Id, request).await
}

/// Forgets what was done before `before`.
pub async fn forget(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    rows::delete(transaction, AUDIT_EVENT, Entity::delete_many().filter(Column::At.lt(before))).await
}
