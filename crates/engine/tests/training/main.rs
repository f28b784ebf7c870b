//! Training runs that are stopped, crash or find damaged checkpoints end as if nothing had happened.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod crash;
mod damage;
mod refusals;
mod resume;
mod scenario;
mod start;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of backends, which use all of it")]
mod support;
