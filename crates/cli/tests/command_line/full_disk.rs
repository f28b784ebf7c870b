//! Writes that fail half-way. A limit on the size of files fails them as a full disk does, without one.

#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::course;
use crate::gradus::{Place, Ran};
use crate::killed::{assert_same_model, run_until};

/// Runs the command with files of at most so many kibibytes.
fn run_limited(place: &Place, kibibytes: u32, arguments: &str) -> Ran {
    let mut command = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" {arguments}");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_gradus")]);
    place.prepare(&mut command);
    Ran::of(arguments, command.output().unwrap())
}

#[test]
fn a_dataset_that_does_not_fit_on_the_disk_is_not_written_at_all() {
    let place = course::place();
    let before = place.files();
    let build = "dataset build --guide guide.md --answers answers.csv --output";
    for output in ["new.json", "dataset.json"] {
        let ran = run_limited(&place, 1, &format!("{build} {output}"));
        ran.assert_refused(&[&format!("cannot write {output}"), "free some space"]);
        assert_eq!(place.files(), before, "the file before is as it was");
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_leaves_those_before_it() {
    let (place, expected) = (course::place(), course::place());
    expected.succeed(course::TRAIN);
    let mut saved = 0;
    let kill = |line: &str| {
        saved += usize::from(line.contains("checkpoint_saved"));
        (saved == 2).then_some(Duration::ZERO)
    };
    assert!(run_until(place.command(&format!("{} --json", course::TRAIN)), kill).is_none());
    let before = place.files();
    let ran = run_limited(&place, 4, course::TRAIN);
    ran.assert_refused(&[
        "cannot write run/checkpoints/.partial-step-",
        "tensors.safetensors",
        "disk's space",
    ]);
    assert_eq!(place.files(), before, "the checkpoints before are as they were");
    place.succeed(course::TRAIN);
    assert_same_model(&place, &expected, "run", "with room again");
}

#[test]
fn an_export_that_does_not_fit_leaves_nothing() {
    let place = course::trained();
    let before = place.files();
    for format in ["merged", "gguf"] {
        let ran = run_limited(&place, 4, &format!("export --model run/model --format {format} --output new"));
        ran.assert_refused(&["cannot write", ".partial-new"]);
        assert_eq!(place.files(), before);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let place = Place::new();
    place.write("guide.md", course::GUIDE);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = place.command("guide show guide.md --json");
    let ran = Ran::of("guide show", command.stdout(Stdio::from(full)).output().unwrap());
    ran.assert_refused(&["output cannot be written", "No space left"]);
}
