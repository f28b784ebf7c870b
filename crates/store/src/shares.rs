//! Who else may see a dataset or a model.

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};

use gradus_domain::{DatasetId, Id, ModelId, UserId};
use uuid::Uuid;

use crate::error::{Tried, is_referenced};
use crate::store::sealed::Connected;
use crate::whose::Shares;
use crate::{Rows, StoreError, Transaction, datasets, models};

/// Something that can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// A dataset with all its versions.
    Dataset(DatasetId),
    /// A trained model.
    Model(ModelId),
}

impl Shared {
    fn row(self) -> (Shares, Uuid) {
        match self {
            Self::Dataset(id) => (datasets::SHARES, id.uuid()),
            Self::Model(id) => (models::SHARES, id.uuid()),
        }
    }
}

/// Lets a user see it; nothing happens if they may already.
///
/// # Errors
/// [`StoreError::NotFound`] when it, or the user, is not there.
pub async fn grant(transaction: &Transaction, shared: Shared, user: UserId) -> Result<(), StoreError> {
    let (shares, id) = shared.row();
    let known = OnConflict::columns([shares.column, "user_id"]).do_nothing().to_owned();
    let insert = Query::insert()
        .into_table(shares.table)
        .columns([shares.column, "user_id", "created_at"])
        .values_panic([id.into(), user.uuid().into(), transaction.now().into()])
        .on_conflict(known)
        .take();
    match transaction.connection().execute(&insert).await {
        Err(error) if is_referenced(&error) => {
            Err(StoreError::NotFound { noun: "user", id: user.to_string() })
        }
        other => other.map(|_| ()).tried("share something"),
    }
}

/// Takes it back; whether the user could see it.
pub async fn revoke(transaction: &Transaction, shared: Shared, user: UserId) -> Result<bool, StoreError> {
    let (shares, id) = shared.row();
    let delete = Query::delete()
        .from_table(shares.table)
        .and_where(Expr::col(shares.column).eq(id))
        .and_where(Expr::col("user_id").eq(user.uuid()))
        .take();
    let done = transaction.connection().execute(&delete).await.tried("stop sharing something")?;
    Ok(done.rows_affected() > 0)
}

/// Who may see it besides its owner.
pub async fn users(rows: &impl Rows, shared: Shared) -> Result<Vec<UserId>, StoreError> {
    let (shares, id) = shared.row();
    let select = Query::select()
        .column("user_id")
        .from(shares.table)
        .and_where(Expr::col(shares.column).eq(id))
        .order_by("created_at", sea_orm::Order::Asc)
        .take();
    let found = rows.connection().query_all(&select).await.tried("list who sees something")?;
    let ids = found.iter().map(|row| row.try_get::<Uuid>("", "user_id").map(UserId::from_uuid));
    ids.collect::<Result<_, _>>().tried("list who sees something")
}
