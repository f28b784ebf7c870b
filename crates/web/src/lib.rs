//! HTTP and HTML. The only crate that knows either.

pub mod api;
mod application;
mod audited;
mod authentication;
pub mod docs_page;
mod download;
pub mod events;
pub mod guard;
pub mod metrics;
pub mod openai;
pub mod operations;
mod places;
pub mod problem;
mod range;
pub mod routes;
pub mod server;
mod state;
pub mod upload;

pub use application::{Application, ApplicationError, ServerSettings};
pub use state::ServerState;
