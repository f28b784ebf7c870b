//! What tests of several crates need. Never shipped: every failure here is a failed test, so that it may panic.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "made for tests alone"
)]

mod bucket;
mod clock;
mod database;
mod each_database;
pub mod given;

pub use bucket::{SECRET, TestBucket};
pub use clock::ManualClock;
pub use database::{Kind, TestDatabase};
