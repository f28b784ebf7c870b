//! Models that answer many requests at once: texts, joining and leaving, memory, and what goes wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adapters;
mod answers;
mod asking;
mod memory;
mod models;
mod together;
mod worker;
