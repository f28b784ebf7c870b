//! What answers are made of: text in whole characters, ends, formats, probabilities, and what is refused.

use gradus_app::answering::AnswerFormat;
use gradus_app::engine::chat::{Message, Role};
use gradus_app::serving::protocol::EndReason;
use gradus_app::serving::{FaultKind, ServedModel};
use serde_json::json;

use crate::asking::{Asking, limits, question};
use crate::models;

/// A stop text from the middle of an answer, over several pieces of it.
fn stop_within(pieces: &[String]) -> String {
    pieces[8..11].concat()
}

#[test]
fn nothing_of_a_stop_text_shows_in_text_or_log_probabilities() {
    let mut host = Asking::new(limits());
    let mut ask = question("tell me", 60, 3);
    ask.sampling.log_probabilities = Some(0);
    let whole = host.answer(1, ask.clone());
    let stop = stop_within(&whole.choices[&0].pieces);
    assert!(stop.chars().count() >= 3, "{stop:?}");
    ask.sampling.stop = vec!["never said".to_owned(), stop.clone()];
    let stopped = host.answer(2, ask);
    let (text, whole_text) = (stopped.text(), whole.text());
    assert_eq!(text, whole_text[..whole_text.find(&stop).unwrap()]);
    assert_eq!(stopped.choices[&0].reason, Some(EndReason::Stop));
    let bytes: Vec<u8> = stopped.choices[&0].tokens.iter().flat_map(|one| one.token.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
    assert!(
        stopped.usage.unwrap().completion_tokens > stopped.choices[&0].tokens.len(),
        "the stop text was generated"
    );
}

#[test]
fn log_probabilities_are_those_of_a_distribution() {
    let mut host = Asking::new(limits());
    let mut ask = question("tell me", 30, 3);
    ask.sampling.log_probabilities = Some(20);
    let answer = host.answer(1, ask.clone());
    let tokens = &answer.choices[&0].tokens;
    assert_eq!(tokens.len(), answer.usage.unwrap().completion_tokens);
    for token in tokens {
        assert!(token.token.log_probability <= 0.0);
        let named: f32 = token.alternatives.iter().map(|one| one.log_probability.exp()).sum();
        assert!(token.alternatives.len() == 20 && named > 0.05 && named < 1.0 + 1e-4, "{named}");
        let in_order = |pair: &[_]| -> bool {
            let [a, b] = pair else { return true };
            let (a, b): (&gradus_app::serving::protocol::NamedToken, &_) = (a, b);
            a.log_probability >= b.log_probability
        };
        assert!(token.alternatives.windows(2).all(in_order));
    }
    // Without a temperature the most probable token is taken, and said to be.
    ask.sampling.temperature = 0.0;
    for token in &host.answer(2, ask).choices[&0].tokens {
        assert_eq!(token.token, token.alternatives[0]);
    }
}

#[test]
fn an_answer_is_held_to_a_schema() {
    let mut host = Asking::new(limits());
    let schema = json!({
        "type": "object",
        "properties": { "mark": { "type": "integer", "minimum": 0, "maximum": 5 } },
        "required": ["mark"], "additionalProperties": false,
    });
    for seed in 0..4 {
        let ask = gradus_app::serving::Ask {
            format: Some(AnswerFormat::JsonSchema(schema.clone())),
            ..question("mark this", 40, seed)
        };
        let answer = host.answer(seed, ask);
        let mark: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        assert!(mark["mark"].as_u64().unwrap() <= 5, "{mark}");
        assert_eq!(answer.choices[&0].reason, Some(EndReason::Stop));
    }
}

#[test]
fn a_schema_that_cannot_be_used_is_refused_with_its_place() {
    let mut host = Asking::new(limits());
    let schema =
        json!({ "type": "object", "properties": { "mark": { "type": "whole" } }, "required": ["mark"] });
    let ask = gradus_app::serving::Ask {
        format: Some(AnswerFormat::JsonSchema(schema)),
        ..question("mark this", 40, 1)
    };
    let fault = host.fault(1, ask);
    assert_eq!(fault.kind, FaultKind::Format);
    assert!(fault.message.contains("/properties/mark"), "{fault}");
}

#[test]
fn a_conversation_beyond_the_context_is_refused_and_an_answer_ends_with_it() {
    let mut host = Asking::new(limits());
    let fault = host.fault(1, question(&"a".repeat(300), 3, 1));
    assert_eq!(fault.kind, FaultKind::TooLong);
    assert!(fault.message.contains("context of 256"), "{fault}");
    let mut ask = question("b", 1, 1);
    ask.sampling.max_tokens = None;
    // Only the end of the context can end it.
    ask.sampling.logit_bias.insert(258, -100.0);
    let answer = host.answer(2, ask);
    assert_eq!(answer.choices[&0].reason, Some(EndReason::Length));
    let usage = answer.usage.unwrap();
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, 257, "the last token is not read");
}

#[test]
fn options_and_conversations_that_make_no_sense_are_refused() {
    let mut host = Asking::new(limits());
    let mut ask = question("a", 3, 1);
    ask.sampling.top_p = 1.5;
    assert_eq!(host.fault(1, ask).kind, FaultKind::Options);
    let place = tempfile::tempdir().unwrap();
    let mute = models::copy(&place, "mute");
    std::fs::remove_file(mute.join("chat_template.jinja")).unwrap();
    let mut ask = question("a", 3, 1);
    ask.model = ServedModel::base(mute);
    let fault = host.fault(2, ask);
    assert_eq!(fault.kind, FaultKind::Conversation);
    assert!(fault.message.contains("chat template") && !fault.message.contains("mute"), "{fault}");
}

#[test]
fn control_tokens_in_a_message_are_text() {
    let mut host = Asking::new(limits());
    let plain = host.answer(1, question("a", 1, 1)).prompt_tokens;
    let spelled = host.answer(2, question("a<|im_end|>", 1, 1)).prompt_tokens;
    assert_eq!(spelled - plain, "<|im_end|>".len(), "one token a letter");
}

#[test]
fn every_turn_of_a_conversation_is_read() {
    let mut host = Asking::new(limits());
    let mut ask = question("a", 5, 1);
    let short = host.answer(1, ask.clone());
    ask.messages.insert(0, Message::new(Role::System, "be kind"));
    let long = host.answer(2, ask);
    assert!(long.prompt_tokens > short.prompt_tokens + "be kind".len());
    assert!(long.text() != short.text());
}
