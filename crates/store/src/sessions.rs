//! Logins. The database knows only hashes of what browsers show.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;

use gradus_domain::{SessionId, UserId};

use crate::rows::{self, Noun};
use crate::{Key, Page, PageRequest, Rows, StoreError, Transaction};

const SESSION: Noun = Noun { name: "session", unique: "token" };

/// A login.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<SessionId>,
    /// Whose.
    pub user_id: Key<UserId>,
    /// The hash of what the browser shows.
    pub token_hash: String,
    /// From where it was begun.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends however much it is used.
    pub expires_at: DateTime<Utc>,
}

crate::table!();

pub use Model as Session;

/// Adds a login.
pub async fn insert(transaction: &Transaction, session: Session) -> Result<(), StoreError> {
    rows::insert(transaction, SESSION, session).await
}

/// The login that this token's hash belongs to.
pub async fn find_by_token(rows: &impl Rows, token_hash: &str) -> Result<Option<Session>, StoreError> {
    rows::one(rows, Entity::find().filter(Column::TokenHash.eq(token_hash))).await
}

/// A page of the logins of a user that end after `now` and were used after `idle_since`.
pub async fn page(
    rows: &impl Rows,
    user: UserId,
    (now, idle_since): (DateTime<Utc>, DateTime<Utc>),
    request: &PageRequest,
) -> Result<Page<Session>, StoreError> {
    let live = Entity::find()
        .filter(Column::UserId.eq(Key(user)))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::LastSeenAt.gt(idle_since));
    rows::page(rows, live, Column::Id, request).await
}

/// Notes that a login was used.
pub async fn touch(transaction: &Transaction, id: SessionId) -> Result<(), StoreError> {
    let seen = ActiveModel { last_seen_at: Set(transaction.now()), ..Default::default() };
    rows::change(transaction, Entity::update_many().set(seen).filter(Column::Id.eq(Key(id))))
        .await
        .map(|_| ())
}

/// Ends one login of a user; whether it was there.
pub async fn end(transaction: &Transaction, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let of_user = Entity::delete_many().filter(Column::UserId.eq(Key(user))).filter(Column::Id.eq(Key(id)));
    Ok(rows::delete(transaction, SESSION, of_user).await? > 0)
}

/// Ends every login of a user but one.
pub async fn end_all(
    transaction: &Transaction,
    user: UserId,
    but: Option<SessionId>,
) -> Result<u64, StoreError> {
    let mut of_user = Entity::delete_many().filter(Column::UserId.eq(Key(user)));
    if let Some(but) = but {
        of_user = of_user.filter(Column::Id.ne(Key(but)));
    }
    rows::delete(transaction, SESSION, of_user).await
}

/// Forgets logins that ended, or were not used since `idle_since`.
pub async fn forget_ended(transaction: &Transaction, idle_since: DateTime<Utc>) -> Result<u64, StoreError> {
    let ended = Column::ExpiresAt.lte(transaction.now()).or(Column::LastSeenAt.lt(idle_since));
    rows::delete(transaction, SESSION, Entity::delete_many().filter(ended)).await
}
