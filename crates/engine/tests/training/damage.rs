//! Checkpoints that are not what was written.

use std::fs;
use std::path::{Path, PathBuf};

use gradus_engine::random::Random;
use gradus_engine::training::{Selection, StopReason, TrainEvent};

use crate::scenario::{Part, Scenario, assert_same_state, names_in, scratch};

/// A run stopped at step 7, in the middle of its update: checkpoints of steps 6 and 7, and the best.
fn stopped(scenario: &Scenario, directory: &Path) -> PathBuf {
    let poll = (0..).find(|poll| {
        let scratch = scratch();
        let state = scenario.run(scratch.path(), Some(*poll)).state();
        state.progress.step == 7 && state.progress.cursor.micro_batch == 1
    });
    let part = scenario.run(directory, poll);
    assert_eq!(part.outcome.unwrap().stopped, Some(StopReason::Requested));
    let newest = names_in(directory).pop().unwrap();
    assert_eq!(newest, "step-00000007-0001");
    directory.join(newest)
}

/// The checkpoints refused, and the step that the run began at.
fn refused(part: &Part) -> (Vec<PathBuf>, u64) {
    let refused = part.events.iter().filter_map(|event| match event {
        TrainEvent::CheckpointRefused { path, .. } => Some(path.clone()),
        _ => None,
    });
    let started = part.events.iter().find_map(|event| match event {
        TrainEvent::Started { step, .. } => Some(*step),
        _ => None,
    });
    (refused.collect(), started.unwrap())
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names_in(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_directory(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// What it is called, and what it does to the files of a checkpoint.
type Damage = (&'static str, fn(&Path));

fn damages() -> Vec<Damage> {
    vec![
        ("no manifest", |path| fs::remove_file(path.join("manifest.json")).unwrap()),
        ("no tensors", |path| fs::remove_file(path.join("tensors.safetensors")).unwrap()),
        ("empty manifest", |path| fs::write(path.join("manifest.json"), "").unwrap()),
        ("cut tensors", |path| {
            let file = fs::OpenOptions::new().write(true).open(path.join("tensors.safetensors")).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
        ("another format", |path| {
            let text = fs::read_to_string(path.join("manifest.json")).unwrap();
            let changed = text.replace("\"format_version\": 3", "\"format_version\": 1");
            assert_ne!(text, changed);
            fs::write(path.join("manifest.json"), changed).unwrap();
        }),
        ("a file instead", |path| {
            fs::remove_dir_all(path).unwrap();
            fs::write(path, "").unwrap();
        }),
    ]
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_one_before_it_used() {
    let scenario = Scenario::to_the_end();
    let expected = scenario.uninterrupted().state();
    let origin = scratch();
    let newest = stopped(&scenario, origin.path());
    for (what, damage) in damages() {
        let directory = scratch();
        copy_directory(origin.path(), directory.path());
        let newest = directory.path().join(newest.file_name().unwrap());
        damage(&newest);
        let part = scenario.run(directory.path(), None);
        assert_eq!(refused(&part), (vec![newest.clone()], 6), "{what}");
        assert_same_state(&part.state(), &expected, what);
        assert!(!newest.exists(), "{what}: it is gone once the run has passed it");
    }
}

#[test]
fn the_checkpoint_before_any_newest_one_can_be_gone_on_from() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    let mut moments = Vec::new();
    scenario.run_watched(&scenario.checkpoints(directory.path()), None, |event| {
        if let TrainEvent::CheckpointSaved { path, .. } = event {
            let moment = scratch();
            copy_directory(directory.path(), moment.path());
            moments.push((moment, path.file_name().unwrap().to_str().unwrap().to_owned()));
        }
    });
    let mut tried = 0;
    for (moment, newest) in &moments {
        let names = names_in(moment.path());
        let Some(before) = names.iter().rfind(|name| *name < newest) else { continue };
        fs::remove_file(moment.path().join(newest).join("manifest.json")).unwrap();
        let (refused, begun_at) = refused(&scenario.run(moment.path(), Some(0)));
        assert_eq!(refused, [moment.path().join(newest)], "{names:?}");
        assert_eq!(begun_at, before[5..13].parse::<u64>().unwrap(), "{names:?}");
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let scenario = Scenario::to_the_end();
    let origin = scratch();
    let newest = stopped(&scenario, origin.path());
    let mut random = Random::new(&[31]);
    for name in names_in(&newest) {
        let sound = fs::read(newest.join(&name)).unwrap();
        let flips = (sound.len() * 8).min(60);
        for _ in 0..flips {
            let bit = (random.next_u64() % (sound.len() as u64 * 8)) as usize;
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(newest.join(&name), &bytes).unwrap();
            // Stops at once: what is looked at is the beginning. A stop saves, so work on a copy.
            let directory = scratch();
            copy_directory(origin.path(), directory.path());
            let part = scenario.run(directory.path(), Some(0));
            let place = directory.path().join(newest.file_name().unwrap());
            assert_eq!(refused(&part), (vec![place], 6), "bit {bit} of {name}");
        }
        fs::write(newest.join(&name), &sound).unwrap();
    }
}

#[test]
fn without_any_sound_checkpoint_the_run_begins_again() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    stopped(&scenario, directory.path());
    for name in names_in(directory.path()) {
        fs::write(directory.path().join(name).join("state.json"), "{}").unwrap();
    }
    let part = scenario.run(directory.path(), None);
    assert_eq!(refused(&part).1, 0);
    assert_same_state(&part.state(), &scenario.uninterrupted().state(), "from the beginning");
}

#[test]
fn a_damaged_best_checkpoint_is_made_again() {
    let scenario = Scenario::to_early_stopping();
    let whole = scenario.uninterrupted().state();
    let best = whole.progress.best.unwrap().step;
    let directory = scratch();
    scenario.run(directory.path(), None).outcome.unwrap();
    let path = directory.path().join(format!("step-{best:08}"));
    let sound = fs::read(path.join("tensors.safetensors")).unwrap();
    fs::write(path.join("tensors.safetensors"), "damage").unwrap();

    let part = scenario.run(directory.path(), None);
    assert!(refused(&part).0.contains(&path), "{:?}", refused(&part));
    let state = part.state();
    assert_same_state(&state, &whole, "with the best made again");
    let finished = scenario.checkpoints(directory.path()).finish(state, Selection::BestLoss).unwrap();
    assert_eq!(finished.step, best);
    assert_eq!(fs::read(path.join("tensors.safetensors")).unwrap(), sound);
}
