//! Runs that end without a word: what is on disk is all that is left of them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use gradus_engine::random::Random;
use gradus_engine::training::TrainEvent;

use crate::scenario::{Part, Scenario, assert_same_state, names_in, scratch};

/// The run's process dies at its `at`-th event; `None` where there are fewer.
fn crash(scenario: &Scenario, directory: &Path, at: usize) -> Option<Part> {
    let mut events = 0;
    let die = |_: &TrainEvent| {
        events += 1;
        if events == at {
            resume_unwind(Box::new("crash"));
        }
    };
    catch_unwind(AssertUnwindSafe(|| scenario.run_watched(&scenario.checkpoints(directory), None, die))).ok()
}

#[test]
fn a_crash_at_any_event_changes_nothing() {
    let scenario = Scenario::to_early_stopping();
    let whole = scenario.uninterrupted();
    let events = whole.events.len();
    let expected = whole.state();
    for at in 1..=events {
        let directory = scratch();
        assert!(crash(&scenario, directory.path(), at).is_none());
        let state = scenario.run(directory.path(), None).state();
        assert_same_state(&state, &expected, &format!("crashed at event {at} of {events}"));
    }
}

#[test]
fn crashes_and_stops_in_one_run_change_nothing() {
    let scenario = Scenario::to_the_end();
    let expected = scenario.uninterrupted().state();
    for seed in 0..6 {
        let mut random = Random::new(&[29, seed]);
        let directory = scratch();
        for _ in 0..5 {
            let (event, poll) = ((random.next_u64() % 20) as usize, (random.next_u64() % 20) as usize);
            crash(&scenario, directory.path(), 1 + event);
            scenario.run(directory.path(), Some(poll)).outcome.unwrap();
        }
        let state = scenario.run(directory.path(), None).state();
        assert_same_state(&state, &expected, &format!("seed {seed}"));
    }
}

#[test]
fn what_an_interrupted_save_left_is_removed() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    let partial = directory.path().join(".partial-step-00000004");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join("tensors.safetensors"), b"half of").unwrap();
    let state = scenario.run(directory.path(), None).state();
    assert_same_state(&state, &scenario.uninterrupted().state(), "with a partial checkpoint");
    assert!(names_in(directory.path()).iter().all(|name| name.starts_with("step-")));
}

#[cfg(unix)]
#[test]
fn a_disk_that_fails_while_saving_leaves_the_checkpoints_before() {
    let scenario = Scenario::to_the_end();
    let root = scratch();
    let (disk, mounted) = (root.path().join("disk"), root.path().join("mounted"));
    std::fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink(&disk, &mounted).unwrap();
    let mut kept = Vec::new();
    let fail = |event: &TrainEvent| {
        if matches!(event, TrainEvent::CheckpointSaved { step: 6, .. }) {
            kept = names_in(&disk);
            std::fs::remove_file(&mounted).unwrap();
            std::os::unix::fs::symlink(root.path().join("gone"), &mounted).unwrap();
        }
    };
    let part = scenario.run_watched(&scenario.checkpoints(&mounted), None, fail);
    let message = part.outcome.unwrap_err().to_string();
    assert!(message.contains("create") && message.contains("step-00000008"), "{message}");
    assert!(kept.contains(&"step-00000006".to_owned()));
    assert_eq!(names_in(&disk), kept);
    let state = scenario.run(&disk, None).state();
    assert_same_state(&state, &scenario.uninterrupted().state(), "after the disk came back");
}
