//! The process alone: it ends with its server, however that ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use gradus_app::serving::Asker;
use gradus_app::serving::protocol::Command as Asked;

use crate::questions::question;

#[test]
fn the_process_ends_when_its_server_is_killed() {
    let place = tempfile::tempdir().unwrap();
    // The shell stands for the server: it holds the other end of the worker's input, and asks.
    let ask = Asked::Ask { id: 1, asker: Asker::default(), ask: Box::new(question(230, 1)) };
    std::fs::write(place.path().join("ask"), serde_json::to_string(&ask).unwrap() + "\n").unwrap();
    let script = format!(
        "mkfifo input; '{}' serve-models --device cpu < input & exec 3> input; cat ask >&3; while :; do sleep 0.05; done",
        env!("CARGO_BIN_EXE_gradus")
    );
    let mut server = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(first.contains("accepted"), "it answers: {first}");
    // SIGKILL: the shell cannot tell anyone.
    server.kill().unwrap();
    server.wait().unwrap();
    // The worker has the other end of this pipe, so it ends with the worker.
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
}

#[test]
fn help_does_not_list_it_and_explains_it_all_the_same() {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gradus")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!help(&["--help"]).contains("serve-models"));
    assert!(help(&["serve-models", "--help"]).contains("--memory-mib"));
}

#[test]
fn what_is_no_command_ends_it_with_an_error() {
    let place = tempfile::tempdir().unwrap();
    let input = place.path().join("input");
    std::fs::write(&input, "hello\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gradus"))
        .args(["serve-models", "--device", "cpu"])
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{output:?}");
}
