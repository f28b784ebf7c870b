//! The service as its users run it: `gradus serve` with its workers, met from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

#[path = "../command_line/gradus.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod gradus;
#[expect(dead_code, reason = "shared with the tests of survival, which use more of it")]
mod machine;
#[path = "../command_line/model.rs"]
mod model;

mod openai;
mod server;
