//! Which documents a version of a dataset is built of.

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use gradus_domain::{DatasetVersionId, DocumentId};

use super::versions::Source;
use crate::rows::{self, Noun};
use crate::{Key, Rows, StoreError, Transaction};

const SOURCE: Noun = Noun { name: "document of the dataset", unique: "role" };

/// A document of a version.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "dataset_document")]
pub struct Model {
    /// Of which version.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dataset_version_id: Key<DatasetVersionId>,
    /// Which document.
    #[sea_orm(primary_key, auto_increment = false)]
    pub document_id: Key<DocumentId>,
    /// What it is in the dataset.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    /// Its place among the documents of the version.
    pub position: i64,
}

crate::table!();

pub(super) async fn attach(
    transaction: &Transaction,
    version: DatasetVersionId,
    sources: Vec<Source>,
) -> Result<(), StoreError> {
    let rows = sources.into_iter().zip(0..).map(|(source, position)| Model {
        dataset_version_id: Key(version),
        document_id: Key(source.document),
        role: source.role,
        position,
    });
    rows::insert_all(transaction, SOURCE, rows.collect()).await
}

/// The documents that a version is built of, in order.
pub async fn of_version(rows: &impl Rows, version: DatasetVersionId) -> Result<Vec<Source>, StoreError> {
    let of_version =
        Entity::find().filter(Column::DatasetVersionId.eq(Key(version))).order_by_asc(Column::Position);
    let sources = rows::all(rows, of_version).await?;
    Ok(sources
        .into_iter()
        .map(|source| Source { document: source.document_id.0, role: source.role })
        .collect())
}
