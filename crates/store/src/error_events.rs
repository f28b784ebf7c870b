//! Failures that were seen: one row a kind, with how often and when.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};

use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{ErrorEventId, UserId};

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::store::sealed::Connected;
use crate::{Key, Page, PageRequest, Rows, StoreError, Text, Transaction};

const ERROR_EVENT: Noun = Noun { name: "error", unique: "fingerprint" };

/// A kind of failure that was seen.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "error_event")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<ErrorEventId>,
    /// What tells it from other kinds.
    pub fingerprint: String,
    /// Whose move it is.
    pub category: Text<Category>,
    /// How bad it is.
    pub severity: Text<Severity>,
    /// Whether trying again may help.
    pub is_transient: bool,
    /// What happened the last time, for people.
    pub message: String,
    /// In which part of the program.
    pub place: String,
    /// How often.
    pub count: i64,
    /// When first.
    pub first_seen_at: DateTime<Utc>,
    /// When last.
    pub last_seen_at: DateTime<Utc>,
    /// When someone said that it is dealt with; another one after that is a new row.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who said so.
    pub resolved_by: Option<Key<UserId>>,
    /// Which thing it befell the last time.
    pub subject_id: Option<Uuid>,
}

crate::table!();

pub use Model as ErrorEvent;

/// Counts a failure.
pub async fn record(
    transaction: &Transaction,
    fingerprint: &str,
    place: &str,
    failure: &Failure,
    subject: Option<Uuid>,
) -> Result<(), StoreError> {
    let first = Model {
        id: Key(ErrorEventId::new()),
        fingerprint: fingerprint.to_owned(),
        category: Text(failure.category),
        severity: Text(failure.severity),
        is_transient: failure.is_transient,
        message: failure.message.clone(),
        place: place.to_owned(),
        count: 1,
        first_seen_at: transaction.now(),
        last_seen_at: transaction.now(),
        resolved_at: None,
        resolved_by: None,
        subject_id: subject,
    };
    // The index of the open ones is what conflicts: two who see the first one at once make one row.
    let again = OnConflict::column(Column::Fingerprint)
        .target_and_where(Expr::col(Column::ResolvedAt).is_null())
        .update_columns([Column::Message, Column::Severity, Column::LastSeenAt, Column::SubjectId])
        .value(Column::Count, Expr::col((Entity, Column::Count)).add(1))
        .to_owned();
    Entity::insert(first.into_active_model())
        .on_conflict(again)
        .exec_without_returning(transaction.connection())
        .await
        .map(|_| ())
        .tried("count a failure")
}

/// A page of the failures, all or only those that nobody has dealt with.
pub async fn page(
    rows: &impl Rows,
    only_open: bool,
    request: &PageRequest,
) -> Result<Page<ErrorEvent>, StoreError> {
    let mut select = Entity::find();
    if only_open {
        select = select.filter(Column::ResolvedAt.is_null());
    }
    rows::page(rows, select, Column::Id, request).await
}

/// Says that a failure is dealt with.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there, or was dealt with before.
pub async fn resolve(transaction: &Transaction, id: ErrorEventId, by: UserId) -> Result<(), StoreError> {
    let resolved = ActiveModel {
        resolved_at: Set(Some(transaction.now())),
        resolved_by: Set(Some(Key(by))),
        ..Default::default()
    };
    let update = Entity::update_many()
        .set(resolved)
        .filter(Column::Id.eq(Key(id)))
        .filter(Column::ResolvedAt.is_null());
    rows::change_one(transaction, ERROR_EVENT.missing(id), update).await
}

/// Forgets failures that were dealt with before `resolved_before`, and those not seen any more since `seen_before`.
pub async fn forget(
    transaction: &Transaction,
    resolved_before: DateTime<Utc>,
    seen_before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let over = Column::ResolvedAt.lt(resolved_before).or(Column::LastSeenAt.lt(seen_before));
    rows::delete(transaction, ERROR_EVENT, Entity::delete_many().filter(over)).await
}
