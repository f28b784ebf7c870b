//! Servers and workers that are killed without warning, again and again, while people use them: nothing that was
//! acknowledged is lost, nothing is done twice, nothing is left behind. `GRADUS_TEST_LONG` set: ten times as many kills.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "what was measured is told")]
// The processes that a server starts are found in /proc.
#![cfg(target_os = "linux")]

#[path = "../workers/base_model.rs"]
mod base_model;
#[path = "../command_line/course.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod course;
#[path = "../command_line/gradus.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod gradus;
#[path = "../service/machine.rs"]
mod machine;
#[path = "../command_line/model.rs"]
mod model;

mod client;
mod cluster;
mod datasets;
mod examinations;
mod foundation;
mod http;
mod inspection;
mod killed;
mod kills;
mod people;
mod processes;
mod takeover;
mod trainings;
mod uploads;
