//! Who else may see a dataset or a model.

pub mod of_dataset;
pub mod of_model;

use gradus_domain::{DatasetId, ModelId, UserId};

use crate::{Rows, StoreError, Transaction};

pub(crate) use of_dataset::Entity as DatasetShares;
pub(crate) use of_model::Entity as ModelShares;

/// Something that can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// A dataset with all its versions.
    Dataset(DatasetId),
    /// A trained model.
    Model(ModelId),
}

/// Lets a user see it; nothing happens if they may already.
///
/// # Errors
/// [`StoreError::NotFound`] when it, or the user, is not there.
pub async fn grant(transaction: &Transaction, shared: Shared, user: UserId) -> Result<(), StoreError> {
    match shared {
        Shared::Dataset(id) => of_dataset::grant(transaction, id, user).await,
        Shared::Model(id) => of_model::grant(transaction, id, user).await,
    }
}

/// Takes it back; whether the user could see it.
pub async fn revoke(transaction: &Transaction, shared: Shared, user: UserId) -> Result<bool, StoreError> {
    match shared {
        Shared::Dataset(id) => of_dataset::revoke(transaction, id, user).await,
        Shared::Model(id) => of_model::revoke(transaction, id, user).await,
    }
}

/// Who may see it besides its owner.
pub async fn users(rows: &impl Rows, shared: Shared) -> Result<Vec<UserId>, StoreError> {
    match shared {
        Shared::Dataset(id) => of_dataset::users(rows, id).await,
        Shared::Model(id) => of_model::users(rows, id).await,
    }
}

/// The table of the shares of one kind of thing.
macro_rules! share_table {
    ($table:literal, $thing:ident, $Thing:ident, $id:ty) => {
        use chrono::{DateTime, Utc};
        use sea_orm::entity::prelude::*;
        use sea_orm::sea_query::OnConflict;
        use sea_orm::{IntoActiveModel, QueryOrder};

        use gradus_domain::UserId;

        use crate::error::{Tried, is_referenced};
        use crate::rows::{self, Noun};
        use crate::store::sealed::Connected;
        use crate::{Key, Rows, StoreError, Transaction};

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
        #[sea_orm(table_name = $table)]
        #[expect(missing_docs, reason = "what leaves this module is a user's id")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub $thing: Key<$id>,
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: Key<UserId>,
            pub created_at: DateTime<Utc>,
        }

        crate::table!();

        const SHARE: Noun = Noun { name: "share", unique: "user" };

        pub(super) async fn grant(
            transaction: &Transaction,
            id: $id,
            user: UserId,
        ) -> Result<(), StoreError> {
            let share = Model { $thing: Key(id), user_id: Key(user), created_at: transaction.now() };
            let known = OnConflict::columns([Column::$Thing, Column::UserId]).do_nothing().to_owned();
            let granted = Entity::insert(share.into_active_model())
                .on_conflict(known)
                .exec_without_returning(transaction.connection())
                .await;
            match granted {
                Err(DbErr::RecordNotInserted) => Ok(()),
                Err(error) if is_referenced(&error) => {
                    Err(StoreError::NotFound { noun: "user", id: user.to_string() })
                }
                other => other.map(|_| ()).tried("share something"),
            }
        }

        pub(super) async fn revoke(
            transaction: &Transaction,
            id: $id,
            user: UserId,
        ) -> Result<bool, StoreError> {
            let share =
                Entity::delete_many().filter(Column::$Thing.eq(Key(id))).filter(Column::UserId.eq(Key(user)));
            Ok(rows::delete(transaction, SHARE, share).await? > 0)
        }

        pub(super) async fn users(rows: &impl Rows, id: $id) -> Result<Vec<UserId>, StoreError> {
            let shares = Entity::find().filter(Column::$Thing.eq(Key(id))).order_by_asc(Column::CreatedAt);
            Ok(rows::all(rows, shares).await?.into_iter().map(|share| share.user_id.0).collect())
        }
    };
}
use share_table;
