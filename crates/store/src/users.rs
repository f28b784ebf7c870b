//! Who may log in.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use gradus_domain::{Role, UserId};

use crate::rows::{self, Noun};
use crate::{Key, Page, PageRequest, Rows, StoreError, Text, Transaction};

const USER: Noun = Noun { name: "user", unique: "name" };

/// Someone who may log in.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "user")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<UserId>,
    /// What they log in with, in lower case.
    pub name: String,
    /// What others see.
    pub display_name: String,
    /// An Argon2id string in PHC form; none for users who cannot log in with a password.
    pub password_hash: Option<String>,
    /// What they may do.
    pub role: Text<Role>,
    /// Since when they may not log in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

crate::table!();

pub use Model as User;

impl User {
    /// An account made `now`, that has no password yet.
    #[must_use]
    pub fn new(name: &str, display_name: String, role: Role, now: DateTime<Utc>) -> Self {
        Self {
            id: Key(UserId::new()),
            name: name.to_owned(),
            display_name,
            password_hash: None,
            role: Text(role),
            disabled_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What of an account is to be changed; none leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// What others see.
    pub display_name: Option<String>,
    /// A new password's hash.
    pub password_hash: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may not log in.
    pub disabled: Option<bool>,
}

/// Adds a user.
///
/// # Errors
/// [`StoreError::AlreadyThere`] when the name is taken.
pub async fn insert(transaction: &Transaction, user: User) -> Result<(), StoreError> {
    rows::insert(transaction, USER, user).await
}

/// The user of this id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(rows: &impl Rows, id: UserId) -> Result<User, StoreError> {
    let found = rows::one(rows, Entity::find().filter(Column::Id.eq(Key(id)))).await?;
    found.ok_or_else(|| USER.missing(id))
}

/// The user who logs in with this name.
pub async fn find_by_name(rows: &impl Rows, name: &str) -> Result<Option<User>, StoreError> {
    rows::one(rows, Entity::find().filter(Column::Name.eq(name))).await
}

/// A page of the users.
pub async fn page(rows: &impl Rows, request: &PageRequest) -> Result<Page<User>, StoreError> {
    rows::page(rows, Entity::find(), Column::Id, request).await
}

/// How many users of this role may log in.
pub async fn count(rows: &impl Rows, role: Role) -> Result<u64, StoreError> {
    let active = Entity::find().filter(Column::Role.eq(Text(role))).filter(Column::DisabledAt.is_null());
    rows::count(rows, active).await
}

/// Changes an account.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(transaction: &Transaction, id: UserId, change: UserChange) -> Result<(), StoreError> {
    let mut row = ActiveModel { updated_at: Set(transaction.now()), ..Default::default() };
    if let Some(display_name) = change.display_name {
        row.display_name = Set(display_name);
    }
    if let Some(password_hash) = change.password_hash {
        row.password_hash = Set(Some(password_hash));
    }
    if let Some(role) = change.role {
        row.role = Set(Text(role));
    }
    if let Some(disabled) = change.disabled {
        row.disabled_at = Set(disabled.then(|| transaction.now()));
    }
    let update = Entity::update_many().set(row).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, USER.missing(id), update).await
}
