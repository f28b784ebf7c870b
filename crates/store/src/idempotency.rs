//! Answers that were given under a client's key, so that a request sent twice is done once.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use gradus_domain::UserId;

use crate::rows::{self, Noun};
use crate::{Json, Key, StoreError, Transaction};

const KEY: Noun = Noun { name: "request", unique: "idempotency key" };

/// A request under a key.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "idempotency_key")]
#[expect(missing_docs, reason = "what leaves this module is an Earlier")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Key<UserId>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub request_hash: String,
    pub status: Option<i64>,
    pub answer: Option<Json<serde_json::Value>>,
    pub created_at: DateTime<Utc>,
}

crate::table!();

/// What is known of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Earlier {
    /// Nothing: this request is the first, and is now noted.
    First,
    /// The same request was answered so.
    Answered {
        /// With which status.
        status: u16,
        /// With what.
        answer: serde_json::Value,
    },
    /// The same request is being worked on, or broke off.
    Unanswered,
    /// Another request was made under this key.
    Other,
}

/// Notes a request under a key, or says what is known of it.
pub async fn begin(
    transaction: &Transaction,
    user: UserId,
    name: &str,
    request_hash: &str,
) -> Result<Earlier, StoreError> {
    let earlier = Entity::find().filter(Column::UserId.eq(Key(user))).filter(Column::Name.eq(name));
    if let Some(earlier) = rows::one(transaction, earlier).await? {
        return Ok(match (earlier.status, earlier.answer) {
            _ if earlier.request_hash != request_hash => Earlier::Other,
            (Some(status), Some(Json(answer))) => {
                Earlier::Answered { status: u16::try_from(status).unwrap_or_default(), answer }
            }
            _ => Earlier::Unanswered,
        });
    }
    let first = Model {
        user_id: Key(user),
        name: name.to_owned(),
        request_hash: request_hash.to_owned(),
        status: None,
        answer: None,
        created_at: transaction.now(),
    };
    rows::insert(transaction, KEY, first).await?;
    Ok(Earlier::First)
}

/// Stores the answer to a request under a key, in the transaction of what it did.
///
/// # Errors
/// [`StoreError::NotFound`] when no such request was noted.
pub async fn answer(
    transaction: &Transaction,
    user: UserId,
    name: &str,
    status: u16,
    answer: serde_json::Value,
) -> Result<(), StoreError> {
    let answered = ActiveModel {
        status: Set(Some(i64::from(status))),
        answer: Set(Some(Json(answer))),
        ..Default::default()
    };
    let update = Entity::update_many()
        .set(answered)
        .filter(Column::UserId.eq(Key(user)))
        .filter(Column::Name.eq(name));
    rows::change_one(transaction, KEY.missing(name), update).await
}

/// Forgets a request under a key that came to nothing, so that it may be made again.
pub async fn release(transaction: &Transaction, user: UserId, name: &str) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(Column::UserId.eq(Key(user))).filter(Column::Name.eq(name));
    rows::delete(transaction, KEY, it).await.map(|_| ())
}

/// Forgets requests that were made before `before`.
pub async fn forget(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    rows::delete(transaction, KEY, Entity::delete_many().filter(Column::CreatedAt.lt(before))).await
}
