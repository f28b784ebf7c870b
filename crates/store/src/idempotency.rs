//! Requests under a client's key, so that what is sent twice is done once.
//!
//! Each try at a request is an attempt with a token of its own, a fence: the work of a request is committed together with
//! the note that it is done ([`Store::under`](crate::Store::under)), and only while the key is still its attempt's. So a
//! key whose process died says whether anything was done. If nothing was, another attempt may take it over once nobody
//! has shown for [`HELD`] that the first is at it; should the first be alive after all, it cannot commit any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryFilter};

use gradus_domain::UserId;

use crate::rows::{self, Noun};
use crate::{Json, Key, StoreError, Transaction};

const KEY: Noun = Noun { name: "request", unique: "idempotency key" };

/// How long a key is its attempt's without a sign of life: several of those that it gives every few seconds, so that one is
/// not given up because the database was slow for once. Should it be all the same, the fence keeps it from committing.
pub const HELD: TimeDelta = TimeDelta::seconds(20);

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
    /// The token of the attempt that has the key.
    pub attempt: Uuid,
    /// Whether work under the key was committed.
    pub is_done: bool,
    /// Until when nobody else may take the key over.
    pub held_until: DateTime<Utc>,
    pub status: Option<i64>,
    pub answer: Option<Json<serde_json::Value>>,
    pub created_at: DateTime<Utc>,
}

crate::table!();

/// One try at a request under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    user: UserId,
    name: String,
    token: Uuid,
}

impl Attempt {
    fn new(user: UserId, name: &str) -> Self {
        Self { user, name: name.to_owned(), token: Uuid::now_v7() }
    }

    /// The row, as long as the key is this attempt's.
    fn row(&self) -> Condition {
        row(self.user, &self.name).add(Column::Attempt.eq(self.token))
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Earlier {
    /// Nothing was done under it: the request is this attempt's to do.
    Nothing(Attempt),
    /// The same request was answered so.
    Answered {
        /// With which status.
        status: u16,
        /// With what.
        answer: serde_json::Value,
    },
    /// The same request is being worked on, or broke off a moment ago.
    Held {
        /// After which time more is known, unless there is a sign of life before.
        wait: Duration,
    },
    /// The same request was done, and its answer is lost.
    Done,
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
    match rows::one(transaction, Entity::find().filter(row(user, name))).await? {
        Some(earlier) if earlier.request_hash == request_hash => repeat(transaction, earlier).await,
        Some(_) => Ok(Earlier::Other),
        None => {
            let attempt = Attempt::new(user, name);
            rows::insert(transaction, KEY, first(transaction, &attempt, request_hash)).await?;
            Ok(Earlier::Nothing(attempt))
        }
    }
}

fn first(transaction: &Transaction, attempt: &Attempt, request_hash: &str) -> Model {
    Model {
        user_id: Key(attempt.user),
        name: attempt.name.clone(),
        request_hash: request_hash.to_owned(),
        attempt: attempt.token,
        is_done: false,
        held_until: transaction.now() + HELD,
        status: None,
        answer: None,
        created_at: transaction.now(),
    }
}

/// What is known of a request that is made again.
async fn repeat(transaction: &Transaction, earlier: Model) -> Result<Earlier, StoreError> {
    let wait = (earlier.held_until - transaction.now()).to_std().unwrap_or_default();
    match (earlier.status, earlier.answer) {
        (Some(status), Some(Json(answer))) => {
            Ok(Earlier::Answered { status: u16::try_from(status).unwrap_or_default(), answer })
        }
        _ if !wait.is_zero() => Ok(Earlier::Held { wait }),
        _ if earlier.is_done => Ok(Earlier::Done),
        _ => {
            let broken_off = Attempt { user: earlier.user_id.0, name: earlier.name, token: earlier.attempt };
            take_over(transaction, &broken_off).await
        }
    }
}

/// Gives a key to a new attempt, unless the one that has it commits, shows that it is alive or is taken over at the same
/// moment.
async fn take_over(transaction: &Transaction, broken_off: &Attempt) -> Result<Earlier, StoreError> {
    let attempt = Attempt::new(broken_off.user, &broken_off.name);
    let taken = ActiveModel {
        attempt: Set(attempt.token),
        held_until: Set(transaction.now() + HELD),
        created_at: Set(transaction.now()),
        ..Default::default()
    };
    let update = Entity::update_many()
        .set(taken)
        .filter(broken_off.row())
        .filter(Column::IsDone.eq(false))
        .filter(Column::HeldUntil.lte(transaction.now()));
    Ok(match rows::change(transaction, update).await? {
        0 => Earlier::Held { wait: HELD.to_std().unwrap_or_default() },
        _ => Earlier::Nothing(attempt),
    })
}

/// Shows that an attempt is being worked on.
///
/// # Errors
/// [`StoreError::Overtaken`].
pub async fn hold(transaction: &Transaction, attempt: &Attempt) -> Result<(), StoreError> {
    let held = ActiveModel { held_until: Set(transaction.now() + HELD), ..Default::default() };
    let update = Entity::update_many().set(held).filter(attempt.row());
    rows::change_one(transaction, StoreError::Overtaken, update).await
}

/// Notes that work of an attempt is done, in the transaction that does it.
///
/// # Errors
/// [`StoreError::Overtaken`], which undoes the work.
pub(crate) async fn note_done(transaction: &Transaction, attempt: &Attempt) -> Result<(), StoreError> {
    let done = ActiveModel { is_done: Set(true), ..Default::default() };
    let update = Entity::update_many().set(done).filter(attempt.row());
    rows::change_one(transaction, StoreError::Overtaken, update).await
}

/// Stores the answer to a request under a key.
///
/// # Errors
/// [`StoreError::Overtaken`].
pub async fn answer(
    transaction: &Transaction,
    attempt: &Attempt,
    status: u16,
    answer: serde_json::Value,
) -> Result<(), StoreError> {
    let answered = ActiveModel {
        is_done: Set(true),
        status: Set(Some(i64::from(status))),
        answer: Set(Some(Json(answer))),
        ..Default::default()
    };
    let update = Entity::update_many().set(answered).filter(attempt.row());
    rows::change_one(transaction, StoreError::Overtaken, update).await
}

/// Forgets a request under a key that came to nothing, so that it may be made again. One that was done, although it failed
/// afterwards, is not forgotten: it has no answer, and from now on says so.
pub async fn release(transaction: &Transaction, attempt: &Attempt) -> Result<(), StoreError> {
    let undone = Entity::delete_many().filter(attempt.row()).filter(Column::IsDone.eq(false));
    rows::delete(transaction, KEY, undone).await?;
    let over = ActiveModel { held_until: Set(transaction.now()), ..Default::default() };
    let done = Entity::update_many().set(over).filter(attempt.row());
    rows::change(transaction, done).await.map(|_| ())
}

/// Forgets requests that were made before `before`.
pub async fn forget(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    rows::delete(transaction, KEY, Entity::delete_many().filter(Column::CreatedAt.lt(before))).await
}

fn row(user: UserId, name: &str) -> Condition {
    Condition::all().add(Column::UserId.eq(Key(user))).add(Column::Name.eq(name))
}
