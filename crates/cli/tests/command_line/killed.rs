//! Training that is killed without warning, again and again.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use gradus_app::engine::random::Random;

use crate::course;
use crate::gradus::Place;

/// Starts a command that prints events and hands each line to `kill_now`; kills it when that says so.
/// `None` where it was killed.
pub(crate) fn run_until(
    mut command: Command,
    mut kill_now: impl FnMut(&str) -> Option<Duration>,
) -> Option<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(later) = kill_now(&line.unwrap()) {
            // Events come between pieces of work; this lands within one.
            sleep(later);
            child.kill().unwrap();
            break;
        }
    }
    let status = child.wait().unwrap();
    status.code().map(|_| status)
}

/// Says to kill after so many lines and a moment.
pub(crate) fn after_lines(
    random: &mut Random,
    fewest: u64,
    most: u64,
) -> impl FnMut(&str) -> Option<Duration> + use<> {
    let lines = fewest + random.next_u64() % (most - fewest);
    let later = Duration::from_micros(random.next_u64() % 3000);
    let mut seen = 0;
    move |_| {
        seen += 1;
        (seen >= lines).then_some(later)
    }
}

/// The trained model is the same to the last byte, its manifest but for the times, and nothing is left over.
pub(crate) fn assert_same_model(place: &Place, expected: &Place, run: &str, what: &str) {
    let weights = format!("{run}/model/adapter_model.safetensors");
    assert!(place.read(&weights) == expected.read(&weights), "{what}: the parameters differ");
    let manifest = |place: &Place| {
        let mut manifest = place.json(&format!("{run}/model/gradus.json"));
        manifest["trained_at"].take();
        manifest["run"]["seconds"].take();
        manifest
    };
    assert_eq!(manifest(place), manifest(expected), "{what}");
    for (path, _) in place.files() {
        assert!(!path.to_string_lossy().contains("/.partial-"), "{what}: {} is left over", path.display());
    }
}

#[test]
fn training_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let (place, expected) = (course::place(), course::place());
    expected.succeed(course::TRAIN);
    let mut random = Random::new(&[41]);
    let mut kills = 0;
    let status = loop {
        assert!(kills < 200, "the run makes no progress");
        // A checkpoint comes with about the fourteenth line. On a busy machine the run is no further than its reader.
        let kill = after_lines(&mut random, 1, 24);
        match run_until(place.command(&format!("{} --json", course::TRAIN)), kill) {
            Some(status) => break status,
            None => kills += 1,
        }
    };
    assert_eq!(status.code(), Some(0));
    assert!(kills >= 5, "only {kills} kills");
    assert_same_model(&place, &expected, "run", "killed");
}

#[test]
fn a_killed_run_says_where_it_goes_on() {
    let place = course::place();
    let mut saved = 0;
    let kill = |line: &str| {
        saved += usize::from(line.contains("checkpoint_saved"));
        (saved == 3).then_some(Duration::ZERO)
    };
    assert!(run_until(place.command(&format!("{} --json", course::TRAIN)), kill).is_none());
    let ran = place.succeed(course::TRAIN);
    assert!(ran.stderr.contains("going on from the checkpoint at step"), "{ran:?}");
    let again = place.succeed(course::TRAIN);
    assert!(again.stderr.contains("already done") || again.stderr.contains("Stopped early"), "{again:?}");
}
