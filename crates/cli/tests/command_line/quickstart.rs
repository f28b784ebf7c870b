//! The whole job, killed at any moment and run again.

use std::time::Duration;

use gradus_app::engine::random::Random;

use crate::gradus::Place;
use crate::killed::{after_lines, assert_same_model, run_until};
use crate::model;

const QUICKSTART: &str = "quickstart --model tiny --output out --json";

fn place() -> Place {
    let place = Place::new();
    model::write(&place, "tiny", 1024, 1);
    place
}

/// The report without what depends on the clock and the machine.
fn report(place: &Place) -> serde_json::Value {
    let mut report = place.json("out/report.json");
    report["generated_at"].take();
    for field in ["seconds", "tokens_per_second", "peak_memory_bytes"] {
        assert!(!report["training"][field].take().is_null(), "{field} is not in the report");
    }
    report
}

#[test]
fn a_quickstart_killed_again_and_again_ends_with_the_same_report() {
    let (place, expected) = (place(), place());
    expected.succeed(QUICKSTART);
    let mut random = Random::new(&[47]);
    for kill in 0..10 {
        let status = run_until(place.command(QUICKSTART), after_lines(&mut random, 1, 230));
        assert!(status.is_none(), "kill {kill} came too late");
    }
    // The parts after the training.
    for part in ["Held-out papers", "Marking with the trained model", "Writing feedback"] {
        let mut counter = None;
        let kill = |line: &str| {
            if line.contains(part) {
                counter = Some(after_lines(&mut random, 1, 40));
            }
            counter.as_mut().and_then(|counter| counter(line))
        };
        assert!(run_until(place.command(QUICKSTART), kill).is_none(), "{part}");
        assert!(!place.path("out/report.json").exists(), "{part}");
    }
    let last = place.succeed(QUICKSTART).json_lines().pop().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(report(&place), report(&expected));
    assert_same_model(&place, &expected, "out/training", "quickstart");
    let page = String::from_utf8(place.read("out/report.html")).unwrap();
    assert!(page.trim_end().ends_with("</html>"));
}

#[test]
fn a_finished_quickstart_can_be_run_again() {
    let place = place();
    place.succeed(QUICKSTART);
    let first = report(&place);
    let kill_never = |_: &str| None::<Duration>;
    assert_eq!(run_until(place.command(QUICKSTART), kill_never).and_then(|status| status.code()), Some(0));
    assert_eq!(report(&place), first);
}
