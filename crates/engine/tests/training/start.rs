//! Runs that start from the parameters of another.

use gradus_engine::adapter::{LoraConfig, Method};

use crate::scenario::{Scenario, assert_same_state, scratch};

/// A second stage on the result of a first.
fn second_stage() -> Scenario {
    let first = Scenario::to_the_end().uninterrupted().state();
    let mut second = Scenario::to_the_end();
    second.data.train.truncate(12);
    second.data.groups.truncate(12);
    second.plan.method = Method::Lora(LoraConfig { dropout: 0.0, ..lora(&second) });
    second.start = Some(first.adapter);
    second
}

fn lora(scenario: &Scenario) -> LoraConfig {
    scenario.plan.method.lora().unwrap().clone()
}

#[test]
fn a_second_stage_starts_where_the_first_ended_and_resumes_exactly() {
    let scenario = second_stage();
    let whole = scenario.uninterrupted();
    let first_losses = |scenario: &Scenario| scenario.uninterrupted().state().progress.train_losses[0].loss;
    let mut fresh = second_stage();
    fresh.start = None;
    assert_ne!(first_losses(&scenario), first_losses(&fresh), "what was learnt before counts");

    let directory = scratch();
    scenario.run(directory.path(), Some(9)).outcome.unwrap();
    let resumed = scenario.run(directory.path(), None).state();
    assert_same_state(&resumed, &whole.state(), "a resumed second stage");
}

#[test]
fn parameters_that_mean_something_else_under_the_plan_are_refused() {
    for change in [
        |lora: &mut LoraConfig| lora.rank = 4,
        |lora: &mut LoraConfig| lora.alpha = 8.0,
        |lora: &mut LoraConfig| lora.weight_decomposed = true,
        |lora: &mut LoraConfig| lora.target_modules.truncate(2),
    ] {
        let mut scenario = second_stage();
        let mut lora = lora(&scenario);
        change(&mut lora);
        scenario.plan.method = lora.into();
        let message = scenario.run(scratch().path(), None).outcome.unwrap_err().to_string();
        assert!(message.contains("method differs from that of the model to start from"), "{message}");
    }
    let mut scenario = second_stage();
    scenario.plan.method = Method::Full;
    assert!(scenario.run(scratch().path(), None).outcome.is_err());
}
