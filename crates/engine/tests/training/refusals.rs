//! Runs that are not begun.

use std::fs;

use gradus_engine::training::{CheckpointError, Checkpoints, TrainError};

use crate::scenario::{Scenario, names_in, scratch};

#[test]
fn another_run_in_the_same_directory_is_refused_and_nothing_touched() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    scenario.run(directory.path(), Some(30)).outcome.unwrap();
    let names = names_in(directory.path());
    let part = scenario.run_watched(&Checkpoints::new(directory.path(), "another run"), None, |_| ());
    let error = part.outcome.unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::OtherRun { .. })), "{error}");
    let message = error.to_string();
    assert!(
        message.contains(&directory.path().display().to_string()) && message.contains("empty directory"),
        "{message}"
    );
    assert_eq!(names_in(directory.path()), names);
    assert!(part.events.is_empty());
}

#[test]
fn a_run_of_another_version_is_refused() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    scenario.run(directory.path(), Some(0)).outcome.unwrap();
    let manifest = directory.path().join("step-00000000/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format_version\": 3", "\"format_version\": 1")).unwrap();
    let message = scenario.run(directory.path(), None).outcome.unwrap_err().to_string();
    assert!(message.contains("has the format 1") && message.contains("version that began"), "{message}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let scenario = Scenario::to_the_end();
    let directory = scratch();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let message = scenario.run(&file.join("checkpoints"), None).outcome.unwrap_err().to_string();
    assert!(message.contains(&file.display().to_string()), "{message}");
}

#[test]
fn data_without_labels_and_plans_without_sense_are_refused_before_anything_is_written() {
    let refuse = |scenario: Scenario, expected: &str| {
        let directory = scratch();
        let message = scenario.run(directory.path(), None).outcome.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(names_in(directory.path()), [""; 0]);
    };
    let mut scenario = Scenario::to_the_end();
    scenario.data.train[3].labels.clear();
    refuse(scenario, "no training sequence has a label");
    let mut scenario = Scenario::to_the_end();
    scenario.data.groups.pop();
    refuse(scenario, "there are 21 groups for 22 training sequences");
    let mut scenario = Scenario::to_the_end();
    scenario.plan.epochs = 0;
    refuse(scenario, "epochs must be at least 1");
    let mut scenario = Scenario::to_the_end();
    // JSON has no infinity: the plan could not be read back with the trained model.
    scenario.plan.max_gradient_norm = f64::INFINITY;
    refuse(scenario, "max_gradient_norm must be a number");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint_before() {
    let mut scenario = Scenario::to_the_end();
    scenario.data.train[2].labels[0].weight = f32::INFINITY;
    // In the order of chance alone it does not come first.
    scenario.plan.group_size = 1;
    let directory = scratch();
    let part = scenario.run(directory.path(), None);
    let error = part.outcome.unwrap_err();
    let TrainError::Diverged { step, .. } = error else { unreachable!("{error}") };
    assert!(error.to_string().contains("lower the learning rate"), "{error}");
    let saved = names_in(directory.path()).pop().unwrap();
    assert!(saved <= format!("step-{step:08}") && step > 0, "{saved}, stopped after step {step}");
    let state = scenario.run(directory.path(), Some(0)).state();
    assert!(state.adapter.parameters.iter().all(|parameter| parameter.is_finite()));
}
