//! Pulling base models: from a directory, over HTTP, with pip; interrupted, damaged, and without any
//! source that works.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;
mod http;
mod python;
mod server;
mod store;
