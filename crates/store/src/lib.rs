//! What is remembered: rows in SQLite or PostgreSQL, blobs in a directory or a bucket. The only crate that knows SQL.

pub mod blobs;
