//! The `gradus` command as users meet it: its help and output, what it does with bad input, and work that
//! is interrupted or killed.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod bad_documents;
mod bad_models;
mod bad_requests;
mod bad_tables;
mod benchmark;
mod course;
mod exports;
mod full_disk;
mod generate;
mod gradus;
mod help;
mod interrupted;
mod json;
mod killed;
mod memory;
mod methods;
mod model;
mod quickstart;
