//! Secrets that programs log in with. The database knows only their hashes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;

use gradus_domain::{ApiTokenId, Scope, UserId};

use crate::rows::{self, Noun};
use crate::{Key, Page, PageRequest, Rows, StoreError, Text, Transaction};

const API_TOKEN: Noun = Noun { name: "API token", unique: "secret" };

/// A secret that a program logs in with.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "api_token")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<ApiTokenId>,
    /// Whose.
    pub user_id: Key<UserId>,
    /// What it is for.
    pub name: String,
    /// How it begins, to tell it from others.
    pub prefix: String,
    /// The hash of the whole.
    pub token_hash: String,
    /// What it may do.
    pub scope: Text<Scope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

crate::table!();

pub use Model as ApiToken;

/// Adds a token.
pub async fn insert(transaction: &Transaction, token: ApiToken) -> Result<(), StoreError> {
    rows::insert(transaction, API_TOKEN, token).await
}

/// The token with this hash.
pub async fn find_by_token(rows: &impl Rows, token_hash: &str) -> Result<Option<ApiToken>, StoreError> {
    rows::one(rows, Entity::find().filter(Column::TokenHash.eq(token_hash))).await
}

/// A page of the tokens of a user, those taken back included.
pub async fn page(
    rows: &impl Rows,
    user: UserId,
    request: &PageRequest,
) -> Result<Page<ApiToken>, StoreError> {
    rows::page(rows, Entity::find().filter(Column::UserId.eq(Key(user))), Column::Id, request).await
}

/// How many tokens of a user were not taken back.
pub async fn count(rows: &impl Rows, user: UserId) -> Result<u64, StoreError> {
    let good = Entity::find().filter(Column::UserId.eq(Key(user))).filter(Column::RevokedAt.is_null());
    rows::count(rows, good).await
}

/// Notes that a token was used.
pub async fn touch(transaction: &Transaction, id: ApiTokenId) -> Result<(), StoreError> {
    let used = ActiveModel { last_used_at: Set(Some(transaction.now())), ..Default::default() };
    rows::change(transaction, Entity::update_many().set(used).filter(Column::Id.eq(Key(id))))
        .await
        .map(|_| ())
}

/// Takes a token of a user back.
///
/// # Errors
/// [`StoreError::NotFound`] when the user has no such token that is still good.
pub async fn revoke(transaction: &Transaction, user: UserId, id: ApiTokenId) -> Result<(), StoreError> {
    let update = revocation(transaction, user).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, API_TOKEN.missing(id), update).await
}

/// Takes every token of a user back.
pub async fn revoke_all(transaction: &Transaction, user: UserId) -> Result<u64, StoreError> {
    rows::change(transaction, revocation(transaction, user)).await
}

/// Forgets tokens that were taken back or ended before `before`.
pub async fn forget_over(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let over = Column::RevokedAt.lt(before).or(Column::ExpiresAt.lt(before));
    rows::delete(transaction, API_TOKEN, Entity::delete_many().filter(over)).await
}

fn revocation(transaction: &Transaction, user: UserId) -> sea_orm::UpdateMany<Entity> {
    let revoked = ActiveModel { revoked_at: Set(Some(transaction.now())), ..Default::default() };
    Entity::update_many()
        .set(revoked)
        .filter(Column::UserId.eq(Key(user)))
        .filter(Column::RevokedAt.is_null())
}
