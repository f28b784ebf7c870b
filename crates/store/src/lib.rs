//! What is remembered: rows in SQLite or PostgreSQL, blobs in a directory or a bucket. The only crate that knows SQL.
//!
//! One module a noun: its row, and what can be asked and changed. Reading takes a [`Reader`] or a [`Transaction`],
//! changing takes a [`Transaction`], and [`Store::write`] is the one way to get one.

/// What the derived half of a table's module needs besides its row.
macro_rules! table {
    () => {
        /// Rows are joined by hand where it is needed.
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    };
}
pub(crate) use table;

pub mod api_tokens;
pub mod audit_events;
pub mod backup;
pub mod blob_records;
pub mod blobs;
mod columns;
mod connect;
pub mod datasets;
pub mod documents;
mod error;
pub mod error_events;
pub mod files;
pub mod idempotency;
mod location;
mod migrations;
pub mod model_tests;
pub mod models;
mod news;
mod page;
pub mod queue;
pub mod reports;
mod rows;
pub mod server_settings;
pub mod sessions;
pub mod shares;
mod store;
pub mod throttles;
pub mod training_jobs;
pub mod turns;
pub mod users;
mod whose;
pub mod workers;

pub use columns::{Json, Key, Text};
pub use connect::Opening;
pub use error::StoreError;
pub use location::DatabaseLocation;
pub use news::News;
pub use page::{Page, PageRequest};
pub use store::{Connections, Reader, Rows, Store, Timekeeper, Transaction};
pub use whose::Whose;
