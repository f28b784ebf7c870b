//! The services: what Gradus does, without HTTP, SQL or argument parsing.
//! Long work takes a [`Session`], which is told what happens and says when to stop.

pub mod accounts;
pub mod answering;
pub mod benchmark;
pub mod chat;
pub mod datasets;
mod devices;
pub mod doctor;
pub mod documents;
mod encoding;
mod error;
pub mod export;
mod failures;
mod files;
pub mod guides;
pub mod marking;
pub mod model_test;
pub mod models;
pub mod papers;
mod precondition;
pub mod preflight;
pub mod prompts;
pub mod public_sets;
pub mod quickstart;
mod reporting;
pub mod robustness;
pub mod runtime;
pub mod service;
pub mod serving;
mod session;
mod students;
pub mod testing;
pub mod trained;
pub mod training;
pub mod worker;

// The crates whose types stand in the services' signatures, for callers, which depend on this crate alone.
pub use gradus_domain as domain;
pub use gradus_engine as engine;
pub use gradus_grading as grading;
pub use gradus_report as report;
pub use gradus_store as store;

pub use error::{Error, FieldProblem};
pub use precondition::Precondition;
pub use session::{Session, Watcher};
