//! The services: what Gradus does, without HTTP, SQL or argument parsing.

pub mod models;
