//! Requests beside each other: they join, leave and wait without changing each other's answers.

use gradus_app::serving::protocol::EndReason;
use gradus_app::serving::{Asker, FaultKind, HostLimits};
use uuid::Uuid;

use crate::asking::{Asking, limits, question};

#[test]
fn requests_together_give_what_each_gives_alone() {
    let asks: Vec<_> =
        (0..8).map(|seed| question(&"why? ".repeat(1 + seed as usize % 3), 40, seed)).collect();
    let alone: Vec<String> =
        asks.iter().map(|ask| Asking::new(limits()).answer(0, ask.clone()).text()).collect();
    assert!(alone[0] != alone[3], "seeds matter");
    let mut together = Asking::new(limits());
    for (id, ask) in asks.iter().enumerate() {
        together.ask(id as u64, ask.clone());
    }
    for (id, expected) in alone.iter().enumerate() {
        assert_eq!(together.finish(id as u64).text(), *expected, "{id}");
    }
}

#[test]
fn a_request_joins_while_another_runs_and_may_end_before_it() {
    let mut host = Asking::new(limits());
    host.ask(1, question("a long story", 200, 1));
    while host.answers.get(&1).is_none_or(|answer| answer.choices.is_empty()) {
        host.next();
    }
    let short = host.answer(2, question("b", 3, 2));
    assert!(short.usage.is_some());
    let long = &host.answers[&1];
    assert!(long.usage.is_none(), "it goes on");
    let so_far = long.text();
    let long = host.finish(1).text();
    assert!(long.starts_with(&so_far) && long.len() > so_far.len());
    assert_eq!(long, Asking::new(limits()).answer(1, question("a long story", 200, 1)).text());
}

#[test]
fn a_cancelled_request_is_heard_of_no_more_and_makes_room() {
    let mut host = Asking::new(HostLimits { answers_at_once: 1, ..limits() });
    host.ask(1, question("a long story", 230, 1));
    while host.answers.get(&1).is_none_or(|answer| answer.choices.is_empty()) {
        host.next();
    }
    host.ask(2, question("b", 3, 2));
    host.ask(3, question("c", 200, 3));
    host.cancel(3);
    host.cancel(1);
    assert!(host.finish(2).usage.is_some());
    let status = host.status_at_rest();
    assert!(host.answers[&1].usage.is_none(), "it did not run to its end");
    assert!(host.answers.get(&3).is_none_or(|answer| answer.usage.is_none()));
    assert!(status.generated_tokens < 230, "{status:?}");
    assert!(status.memory_bytes.is_none_or(|bytes| bytes > 0), "{status:?}");
}

#[test]
fn whoever_asks_one_question_does_not_wait_for_all_of_another() {
    let mut host = Asking::new(HostLimits { answers_at_once: 1, ..limits() });
    let [busy, other] = [1, 2].map(|number| Asker(Uuid::from_u128(number)));
    for id in 1..=4 {
        host.ask_for(busy, id, question("a long story", 100, id));
    }
    host.ask_for(other, 9, question("b", 3, 9));
    host.finish(9);
    let ended = (1..=4).filter(|id| host.answers.get(id).is_some_and(|answer| answer.usage.is_some()));
    assert!(ended.count() <= 2, "one that was being answered, and one whose turn it was");
    for id in 1..=4 {
        assert!(host.finish(id).usage.is_some(), "{id}");
    }
}

#[test]
fn more_requests_than_may_wait_are_refused_at_once_and_the_others_answered() {
    let mut host = Asking::new(HostLimits { requests: 2, ..limits() });
    for id in 0..5 {
        host.ask(id, question("a", 20, id));
    }
    let faults: Vec<bool> = (0..5).map(|id| host.finish(id).fault.is_some()).collect();
    assert_eq!(faults, [false, false, true, true, true]);
    let fault = host.answers[&4].fault.clone().unwrap();
    assert_eq!(fault.kind, FaultKind::Busy);
    assert!(fault.is_transient() && fault.message.contains("2 requests"), "{fault}");
    assert!(host.answer(9, question("a", 3, 1)).usage.is_some(), "there is room again");
}

#[test]
fn choices_of_one_request_are_different_answers_to_a_conversation_that_is_read_once() {
    let mut host = Asking::new(limits());
    let mut ask = question("name a plant that grows in the shade of others", 12, 5);
    ask.choices = 3;
    let answer = host.answer(1, ask.clone());
    let texts: Vec<String> = answer.choices.values().map(|choice| choice.pieces.concat()).collect();
    assert_eq!(texts.len(), 3);
    for (choice, text) in texts.iter().enumerate() {
        let alone = question("name a plant that grows in the shade of others", 12, 5 + choice as u64);
        assert_eq!(Asking::new(limits()).answer(1, alone).text(), *text, "{choice}");
    }
    assert!(texts[0] != texts[1]);
    assert!(answer.choices.values().all(|choice| choice.reason.is_some()));
    let ended = answer.choices.values().filter(|choice| choice.reason == Some(EndReason::Length)).count();
    let usage = answer.usage.unwrap();
    assert!(usage.completion_tokens <= 36 && usage.completion_tokens >= 12 * ended, "{usage:?}");
    assert_eq!(usage.prompt_tokens, answer.prompt_tokens);
    let read = host.status_at_rest().read_tokens as usize;
    assert!(read < 2 * usage.prompt_tokens + 36, "{read} tokens were read");
}

#[test]
fn a_conversation_that_was_read_before_is_not_read_again() {
    let mut host = Asking::new(limits());
    let ask = question("the same long question, word for word", 3, 1);
    assert_eq!(host.answer(1, ask.clone()).usage.unwrap().cached_tokens, 0);
    let usage = host.answer(2, ask).usage.unwrap();
    assert_eq!(usage.cached_tokens, usage.prompt_tokens - 1, "the last token is read in any case");
}
