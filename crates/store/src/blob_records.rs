//! Which blobs there are, and which nothing refers to any more.
//!
//! A blob's record is there before its bytes and goes after them, so that no file is ever without one:
//! [`announce`], store the bytes, [`settle`] together with the row that refers to it; and the other way round
//! [`take_unused`], delete the bytes, [`forget`]. What a killed process leaves is found by its record.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::store::sealed::Connected;
use crate::{Rows, StoreError, Text, Transaction, turns};
use gradus_domain::{BlobState, Word};

/// What dooming blobs and holding on to them take turns about.
pub const TURN: &str = "blobs";
const BLOB: Noun = Noun { name: "blob", unique: "hash" };

/// Every column that refers to a blob.
const REFERENCES: &[(&str, &str)] = &[
    ("document", "blob_hash"),
    ("document", "text_hash"),
    ("dataset_version", "blob_hash"),
    ("checkpoint_file", "blob_hash"),
    ("model_file", "blob_hash"),
    ("model_test", "result_hash"),
    ("report", "html_hash"),
    ("report", "json_hash"),
];

/// A blob.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "blob")]
pub struct Model {
    /// The BLAKE3 hash of its bytes, in hexadecimal digits.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// How many bytes it has.
    pub bytes: i64,
    /// How far it is.
    pub state: Text<BlobState>,
    /// When it was announced or settled last.
    pub touched_at: DateTime<Utc>,
}

crate::table!();

pub use Model as BlobRecord;

/// How long a deletion may take. One that took longer was broken off, and is begun again.
pub const DELETION: TimeDelta = TimeDelta::minutes(10);

/// A blob that is to be deleted, and since when: whoever deletes it too late must leave it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// Its hash.
    pub hash: String,
    since: DateTime<Utc>,
}

/// Says that these bytes are about to be stored. False while the same bytes are being deleted: try again in a moment.
pub async fn announce(transaction: &Transaction, hash: &str, bytes: u64) -> Result<bool, StoreError> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let announced = ActiveModel {
        hash: Set(hash.to_owned()),
        bytes: Set(bytes),
        state: Set(Text(BlobState::Announced)),
        touched_at: Set(transaction.now()),
    };
    let known = OnConflict::column(Column::Hash)
        .update_column(Column::TouchedAt)
        .action_and_where(Expr::col((Entity, Column::State)).ne(BlobState::Deleting.word()))
        .to_owned();
    match Entity::insert(announced).on_conflict(known).exec_without_returning(transaction.connection()).await
    {
        Ok(_) | Err(DbErr::RecordNotInserted) => {}
        Err(error) => return Err(error).tried("announce a blob"),
    }
    let record = rows::one(transaction, Entity::find().filter(Column::Hash.eq(hash))).await?;
    Ok(record.is_some_and(|record| record.state.0 != BlobState::Deleting))
}

/// Says that a blob's bytes are stored; whatever refers to it is written in the same transaction.
///
/// # Errors
/// [`StoreError::NotFound`] when it was not announced, or has been deleted since: store it again.
pub async fn settle(transaction: &Transaction, hash: &str) -> Result<(), StoreError> {
    let stored = ActiveModel {
        state: Set(Text(BlobState::Stored)),
        touched_at: Set(transaction.now()),
        ..Default::default()
    };
    let update = Entity::update_many()
        .set(stored)
        .filter(Column::Hash.eq(hash))
        .filter(Column::State.ne(Text(BlobState::Deleting)));
    rows::change_one(transaction, BLOB.missing(hash), update).await
}

/// Dooms up to `most` blobs that nothing has referred to since `before`; those whose deletion was broken off come again.
pub async fn take_unused(
    transaction: &Transaction,
    before: DateTime<Utc>,
    most: u64,
) -> Result<Vec<Doomed>, StoreError> {
    turns::take(transaction, TURN).await?;
    let is_doomed = || Column::State.eq(Text(BlobState::Deleting));
    let unused = || {
        let old = Condition::all().add(is_doomed().not()).add(Column::TouchedAt.lt(before));
        REFERENCES.iter().fold(old, |unused, (table, column)| {
            let references = Query::select()
                .expr(Expr::val(1))
                .from(Alias::new(*table))
                .and_where(
                    Expr::col((Alias::new(*table), Alias::new(*column))).equals((Entity, Column::Hash)),
                )
                .take();
            unused.add(Expr::exists(references).not())
        })
    };
    let broken_off =
        || Condition::all().add(is_doomed()).add(Column::TouchedAt.lt(transaction.now() - DELETION));
    let due = || Condition::any().add(unused()).add(broken_off());
    let found = Entity::find().filter(due()).order_by_asc(Column::TouchedAt).limit(most);
    let hashes: Vec<String> =
        rows::all(transaction, found).await?.into_iter().map(|blob| blob.hash).collect();
    let doomed = ActiveModel {
        state: Set(Text(BlobState::Deleting)),
        touched_at: Set(transaction.now()),
        ..Default::default()
    };
    // Asked again in the statement that dooms: on PostgreSQL a reference may have been written in between.
    let update = Entity::update_many().set(doomed).filter(Column::Hash.is_in(&hashes)).filter(due());
    rows::change(transaction, update).await?;
    let doomed = Entity::find()
        .filter(Column::Hash.is_in(&hashes))
        .filter(is_doomed())
        .filter(Column::TouchedAt.eq(transaction.now()));
    let since = transaction.now();
    Ok(rows::all(transaction, doomed)
        .await?
        .into_iter()
        .map(|blob| Doomed { hash: blob.hash, since })
        .collect())
}

/// Takes over the deletion of a blob that was broken off; none if it was not.
pub async fn take_over(transaction: &Transaction, hash: &str) -> Result<Option<Doomed>, StoreError> {
    let since = transaction.now();
    let again = ActiveModel { touched_at: Set(since), ..Default::default() };
    let update = Entity::update_many()
        .set(again)
        .filter(Column::Hash.eq(hash))
        .filter(Column::State.eq(Text(BlobState::Deleting)))
        .filter(Column::TouchedAt.lt(since - DELETION));
    let taken = rows::change(transaction, update).await? > 0;
    Ok(taken.then(|| Doomed { hash: hash.to_owned(), since }))
}

/// Says that a blob's bytes are gone.
pub async fn forget(transaction: &Transaction, doomed: &Doomed) -> Result<(), StoreError> {
    let deleted = Entity::delete_many()
        .filter(Column::Hash.eq(&doomed.hash))
        .filter(Column::State.eq(Text(BlobState::Deleting)))
        .filter(Column::TouchedAt.eq(doomed.since));
    rows::delete(transaction, BLOB, deleted).await.map(|_| ())
}

/// Removes every record: what a restored backup says comes in their place.
pub async fn remove_all(transaction: &Transaction) -> Result<(), StoreError> {
    rows::delete(transaction, BLOB, Entity::delete_many()).await.map(|_| ())
}

/// The blob of this hash.
pub async fn find(rows: &impl Rows, hash: &str) -> Result<Option<BlobRecord>, StoreError> {
    rows::one(rows, Entity::find().filter(Column::Hash.eq(hash))).await
}

/// The hash of every blob that should be stored, in order.
pub async fn hashes(rows: &impl Rows) -> Result<Vec<String>, StoreError> {
    let all = Entity::find().order_by_asc(Column::Hash);
    Ok(rows::all(rows, all).await?.into_iter().map(|blob| blob.hash).collect())
}
