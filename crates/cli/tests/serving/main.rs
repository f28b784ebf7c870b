//! Models in a process of their own, as a server meets it: the process dies, is slow, is not needed, or is
//! left behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

mod client;
mod left_behind;
mod questions;
mod smollm2;
