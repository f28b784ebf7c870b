//! Models that answer for a server: kept warm in a process of their own ([`serve`]), asked over its
//! standard input and output ([`protocol`]) by a client that starts it, ends it and survives it ([`Serving`]).
//! Knows no names of models, no users and no HTTP: requests carry files.

mod ask;
mod client;
mod fault;
mod host;
pub mod protocol;
mod worker;

pub use ask::{Ask, Asker, Sampling, ServedModel, TrainedFiles};
pub use client::{Answering, Serving, ServingOptions, WorkerState};
pub use fault::{Fault, FaultKind};
pub use host::{HostLimits, HostOptions, ModelHost};
pub use worker::serve;
