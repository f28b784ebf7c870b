//! Runs that were asked to stop.

use gradus_engine::random::Random;
use gradus_engine::training::{Selection, StopReason, TrainEvent, TrainingPlan};

use crate::scenario::{Part, Scenario, assert_same_state, history, names_in, scratch};

#[test]
fn the_scenarios_have_in_them_what_they_are_for() {
    let part = Scenario::to_the_end().uninterrupted();
    let most = part.events.iter().filter_map(|event| match event {
        TrainEvent::MicroBatch { of, .. } => Some(*of),
        _ => None,
    });
    assert!(most.max() >= Some(3), "an update has several micro-batches");
    let outcome = part.outcome.unwrap();
    assert_eq!((outcome.stopped, outcome.state.progress.step), (None, 12));

    let scenario = Scenario::to_early_stopping();
    let outcome = scenario.uninterrupted().outcome.unwrap();
    assert_eq!(outcome.stopped, Some(StopReason::NoGain));
    let step = outcome.state.progress.step;
    assert!(outcome.state.progress.best.is_some_and(|best| best.step + 2 < step), "the best lies behind");
    assert!(step >= scenario.plan.patience_after && step < 48, "stopped early, at {step}");
}

#[test]
fn a_stop_at_any_point_changes_nothing() {
    for scenario in [Scenario::to_the_end(), Scenario::to_early_stopping()] {
        let whole = scenario.uninterrupted();
        for point in 0..whole.polls {
            stop_once(&scenario, &whole, point);
        }
    }
}

fn stop_once(scenario: &Scenario, whole: &Part, point: usize) {
    let what = format!("stopped at poll {point} of {}", whole.polls);
    let directory = scratch();
    let first = scenario.run(directory.path(), Some(point));
    let stopped = first.outcome.as_ref().unwrap().stopped;
    if first.polls > point {
        assert_eq!(stopped, Some(StopReason::Requested), "{what}");
    }
    let second = scenario.run(directory.path(), None);
    let events = [history(&first.events), history(&second.events)].concat();
    assert_eq!(events, history(&whole.events), "{what}");
    assert_same_end(scenario, directory.path(), &second, whole, &what);
}

#[test]
fn many_stops_in_one_run_change_nothing() {
    let usual = [Scenario::to_the_end(), Scenario::to_early_stopping()];
    for scenario in usual.into_iter().chain(Scenario::of_other_methods()) {
        let whole = scenario.uninterrupted();
        for seed in 0..12 {
            let mut random = Random::new(&[23, seed]);
            let directory = scratch();
            let mut events = Vec::new();
            let last = loop {
                let point = (random.next_u64() % 14) as usize;
                let part = scenario.run(directory.path(), Some(point));
                events.extend(history(&part.events));
                if part.outcome.as_ref().unwrap().stopped != Some(StopReason::Requested) {
                    break part;
                }
            };
            let what = format!("seed {seed}");
            assert_eq!(events, history(&whole.events), "{what}");
            assert_same_end(&scenario, directory.path(), &last, &whole, &what);
        }
    }
}

#[test]
fn what_a_plan_asks_for_makes_a_difference() {
    let losses = |change: fn(&mut TrainingPlan)| {
        let mut scenario = Scenario::to_the_end();
        change(&mut scenario.plan);
        scenario.uninterrupted().state().progress.train_losses.iter().map(|p| p.loss).collect::<Vec<_>>()
    };
    let plain = losses(|_| ());
    assert_eq!(plain, losses(|_| ()));
    let shaken = losses(|plan| plan.neftune_alpha = 5.0);
    assert_ne!(shaken[0], plain[0], "noise is there from the first update");
    let plus = losses(|plan| plan.lora_plus_ratio = 4.0);
    assert_eq!(plus[0], plain[0]);
    assert_ne!(plus[1], plain[1], "the first update is another");
}

#[test]
fn a_finished_run_does_nothing_more() {
    for scenario in [Scenario::to_the_end(), Scenario::to_early_stopping()] {
        let directory = scratch();
        let first = scenario.run(directory.path(), None);
        let names = names_in(directory.path());
        let second = scenario.run(directory.path(), None);
        assert_eq!(history(&second.events), [], "nothing is computed again");
        assert_same_end(&scenario, directory.path(), &second, &first, "run again");
        assert_eq!(names_in(directory.path()), names);
        assert!(names.len() <= 4, "the newest two and the best at each are kept: {names:?}");
    }
}

#[test]
fn validation_data_without_labels_is_no_reason_to_stop() {
    let mut scenario = Scenario::to_the_end();
    scenario.data.validation.iter_mut().for_each(|sequence| sequence.labels.clear());
    let outcome = scenario.uninterrupted().outcome.unwrap();
    assert_eq!(outcome.stopped, None);
    assert_eq!(outcome.state.progress.step, 12);
    assert!(outcome.state.progress.validation_losses.is_empty());
}

fn assert_same_end(scenario: &Scenario, directory: &std::path::Path, part: &Part, whole: &Part, what: &str) {
    let (got, expected) = (part.outcome.as_ref().unwrap(), whole.outcome.as_ref().unwrap());
    assert_eq!(got.stopped, expected.stopped, "{what}");
    assert_same_state(&got.state, &expected.state, what);
    let best = scenario.checkpoints(directory).finish(got.state.clone(), Selection::BestLoss).unwrap();
    assert_eq!(Some(best.step), expected.state.progress.best.map(|best| best.step), "{what}");
    // The best adapter is on disk since its step; a resumed run finds it there.
    let again = scenario.checkpoints(directory).finish(expected.state.clone(), Selection::BestLoss).unwrap();
    assert_eq!(best.adapter, again.adapter, "{what}");
}
