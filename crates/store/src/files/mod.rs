//! The files of which a checkpoint or a model consists: names for blobs.

pub mod of_checkpoint;
pub mod of_model;

/// A file among the blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its path in the directory that it belongs to, with `/` between names.
    pub name: String,
    /// The hash of its bytes.
    pub blob_hash: String,
    /// How many they are.
    pub bytes: u64,
}

/// The table of the files of one kind of thing.
macro_rules! file_table {
    ($table:literal, $owner:ident, $Owner:ident, $id:ty, $noun:literal) => {
        use sea_orm::QueryOrder;
        use sea_orm::entity::prelude::*;

        use super::StoredFile;
        use crate::rows::{self, Noun};
        use crate::{Key, Rows, StoreError, Transaction, blob_records};

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
        #[sea_orm(table_name = $table)]
        #[expect(missing_docs, reason = "what leaves this module is a StoredFile")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub $owner: Key<$id>,
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub blob_hash: String,
            pub bytes: i64,
        }

        crate::table!();

        /// Attaches files whose blobs are stored, and settles those.
        pub async fn attach(
            transaction: &Transaction,
            owner: $id,
            files: Vec<StoredFile>,
        ) -> Result<(), StoreError> {
            for file in &files {
                blob_records::settle(transaction, &file.blob_hash).await?;
            }
            let rows = files.into_iter().map(|file| Model {
                $owner: Key(owner),
                name: file.name,
                blob_hash: file.blob_hash,
                bytes: file.bytes.cast_signed(),
            });
            rows::insert_all(transaction, Noun { name: $noun, unique: "name" }, rows.collect()).await
        }

        /// The files, by name.
        pub async fn files(rows: &impl Rows, owner: $id) -> Result<Vec<StoredFile>, StoreError> {
            let of_owner = Entity::find().filter(Column::$Owner.eq(Key(owner))).order_by_asc(Column::Name);
            let files = rows::all(rows, of_owner).await?.into_iter().map(|file| StoredFile {
                name: file.name,
                blob_hash: file.blob_hash,
                bytes: file.bytes.cast_unsigned(),
            });
            Ok(files.collect())
        }
    };
}
use file_table;
