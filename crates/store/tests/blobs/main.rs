//! Blobs in a real directory and in a real S3 server, which `cargo xtask test` starts; without it, what
//! happens in a bucket is left out.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod bucket;
mod damage;
mod faults;
mod killed;
mod listing;
mod memory;
mod parts;
mod place;
mod reading;
mod script;
mod signed;
mod spool;
mod storing;
mod tls;
