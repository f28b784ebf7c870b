//! The client: it starts the process, survives it, and ends it.

use std::process::Command;
use std::time::Duration;

use gradus_app::serving::{Asker, FaultKind, Serving, ServingOptions};
use tokio::time::timeout;

use crate::questions::{answer, first_text, options, question, rest, serving};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn kill(process: u32) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

/// Waits until the client says so of the process.
async fn until(serving: &Serving, is_so: impl Fn(Option<u32>) -> bool) {
    let wait = async {
        while !is_so(serving.state().process) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn the_process_starts_with_the_first_request_and_answers_several_at_once() {
    let serving = serving();
    assert_eq!(serving.state().process, None);
    let (first, second, third) = tokio::join!(
        answer(&serving, question(40, 1)),
        answer(&serving, question(20, 2)),
        answer(&serving, question(40, 1)),
    );
    let (text, usage) = first.unwrap();
    assert_eq!(usage.completion_tokens, 40);
    assert_eq!(third.unwrap().0, text);
    assert!(second.unwrap().0 != text);
    let state = serving.state();
    assert_eq!((state.crashes, state.requests), (0, 0));
    assert!(state.process.is_some());
}

#[tokio::test]
async fn requests_fail_with_a_process_that_is_killed_and_the_next_one_works_again() {
    let serving = serving();
    let expected = answer(&serving, question(30, 1)).await.unwrap();
    for crashes in 1..4 {
        let mut running = serving.ask(Asker::default(), question(200, 2)).await.unwrap();
        let mut waiting = serving.ask(Asker::default(), question(200, 3)).await.unwrap();
        first_text(&mut running).await;
        kill(serving.state().process.unwrap());
        for answering in [&mut running, &mut waiting] {
            let fault = rest(answering).await.unwrap_err();
            assert_eq!(fault.kind, FaultKind::Lost);
            assert!(fault.is_transient() && fault.message.contains("signal: 9"), "{fault}");
            assert!(answering.next().await.is_none(), "a failure is told once");
        }
        assert_eq!(answer(&serving, question(30, 1)).await.unwrap().0, expected.0, "{crashes}");
        assert_eq!(serving.state().crashes, crashes);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_makes_room_for_others() {
    let serving = Serving::start(options(256, &["--answers-at-once", "1"]));
    let mut long = serving.ask(Asker::default(), question(240, 1)).await.unwrap();
    first_text(&mut long).await;
    drop(long);
    answer(&serving, question(3, 2)).await.unwrap();
    let at_rest = async {
        loop {
            let status = serving.state().status;
            if status.generated_tokens > 0 && status.running + status.waiting == 0 {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let status = timeout(PATIENCE, at_rest).await.unwrap();
    assert!(status.generated_tokens < 240, "the first answer was given up: {status:?}");
}

#[tokio::test]
async fn a_process_that_nobody_needs_is_ended_and_started_again() {
    let serving = Serving::start(ServingOptions { idle: Duration::from_millis(50), ..options(256, &[]) });
    let (text, _) = answer(&serving, question(10, 1)).await.unwrap();
    let first = serving.state().process;
    until(&serving, |process| process.is_none()).await;
    assert_eq!(answer(&serving, question(10, 1)).await.unwrap().0, text);
    assert!(serving.state().process != first);
    assert_eq!(serving.state().crashes, 0, "that is no crash");
}

#[tokio::test]
async fn a_drain_lets_answers_end_and_takes_no_more() {
    let serving = serving();
    let mut running = serving.ask(Asker::default(), question(60, 1)).await.unwrap();
    first_text(&mut running).await;
    let (last, refused, ()) = tokio::join!(
        rest(&mut running),
        async {
            tokio::task::yield_now().await;
            serving.ask(Asker::default(), question(3, 1)).await
        },
        serving.drain(PATIENCE),
    );
    assert_eq!(last.unwrap().1.completion_tokens, 60);
    assert_eq!(refused.unwrap_err().kind, FaultKind::Stopping);
    assert_eq!(serving.state().process, None);
    assert_eq!(serving.ask(Asker::default(), question(3, 1)).await.unwrap_err().kind, FaultKind::Stopping);
}

#[tokio::test]
async fn a_drain_waits_no_longer_than_it_may() {
    let serving = serving();
    let mut asked = serving.ask(Asker::default(), question(240, 1)).await.unwrap();
    first_text(&mut asked).await;
    let process = serving.state().process.unwrap();
    assert!(Command::new("kill").args(["-STOP", &process.to_string()]).status().unwrap().success());
    timeout(PATIENCE, serving.drain(Duration::from_millis(50))).await.unwrap();
    assert_eq!(rest(&mut asked).await.unwrap_err().kind, FaultKind::Stopping);
}

#[tokio::test]
async fn more_requests_than_are_allowed_are_refused() {
    let serving = Serving::start(ServingOptions { requests: 1, ..options(256, &[]) });
    let mut running = serving.ask(Asker::default(), question(100, 1)).await.unwrap();
    let refused = serving.ask(Asker::default(), question(3, 1)).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Busy);
    rest(&mut running).await.unwrap();
    answer(&serving, question(3, 1)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_fetched_is_given_up_and_the_next_one_is_not() {
    let serving = Serving::start(ServingOptions { waiting_events: 8, ..options(256, &[]) });
    let mut slow = serving.ask(Asker::default(), question(100, 1)).await.unwrap();
    let wait = async {
        while serving.state().requests > 0 || serving.state().process.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(rest(&mut slow).await.unwrap_err().kind, FaultKind::Slow);
    assert_eq!(answer(&serving, question(2, 1)).await.unwrap().1.completion_tokens, 2);
}

#[tokio::test]
async fn a_process_that_cannot_be_started_is_told_and_not_tried_at_once_again() {
    let serving = Serving::start(ServingOptions::new("/nowhere/gradus", []));
    for _ in 0..2 {
        let fault = serving.ask(Asker::default(), question(3, 1)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Lost);
        assert!(fault.message.contains("cannot be started"), "{fault}");
    }
    let fault = serving.ask(Asker::default(), question(3, 1)).await.unwrap_err();
    assert!(fault.message.contains("2 times in a row"), "{fault}");
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_told() {
    let serving = Serving::start(ServingOptions::new("true", []));
    let fault = answer(&serving, question(3, 1)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Lost);
    assert!(fault.message.contains("ended unexpectedly"), "{fault}");
}
