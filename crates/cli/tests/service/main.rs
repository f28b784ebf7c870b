//! The service as its users run it: `gradus serve` with its workers, met from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

#[path = "../../../web/tests/http/asking.rs"]
#[expect(dead_code, reason = "shared with the tests of the server itself, which use all of it")]
mod asking;
#[path = "../workers/base_model.rs"]
mod base_model;
#[path = "../command_line/course.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod course;
#[path = "../command_line/gradus.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod gradus;
#[expect(dead_code, reason = "shared with the tests of survival, which use more of it")]
mod machine;
#[path = "../command_line/model.rs"]
mod model;
#[path = "../workers/site.rs"]
#[expect(dead_code, reason = "shared with the tests of the workers, which use more of it")]
mod site;
#[path = "../../../web/tests/http/wire.rs"]
#[expect(dead_code, reason = "shared with the tests of the server itself, which use all of it")]
mod wire;

mod backup;
mod broken_backup;
mod configuration;
mod hostile;
mod hostile_files;
mod interrupted_backup;
mod journal;
mod openai;
mod private;
mod refusals;
mod rows;
mod secrets;
mod served;
mod server;
mod signals;
