//! Chat examples in the three formats that are passed around.

#![expect(clippy::unwrap_used, reason = "a test may end where its sample is not as expected")]

use gradus_grading::import::chat::{ChatExamples, ChatFormat, ChatRole, chat_examples};

fn read(text: &str) -> ChatExamples {
    chat_examples("chat.jsonl", text.as_bytes()).unwrap()
}

fn errors(text: &str) -> Vec<String> {
    let refused = chat_examples("chat.jsonl", text.as_bytes()).unwrap_err();
    refused.errors.iter().map(ToString::to_string).collect()
}

fn spoken(examples: &ChatExamples, example: usize) -> Vec<(ChatRole, &str)> {
    let messages = examples.examples[example].messages.iter();
    messages.map(|message| (message.role, message.content.as_str())).collect()
}

#[test]
fn openai_chat_is_read_with_weights_and_text_parts() {
    let found = read(
        r#"{"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]}, {"role": "assistant", "content": "Hm", "weight": 0}, {"role": "user", "content": "?"}, {"role": "assistant", "content": "Hello", "weight": 1}]}"#,
    );
    assert_eq!(found.format, ChatFormat::OpenAi);
    assert_eq!(
        spoken(&found, 0),
        [
            (ChatRole::System, "Be brief."),
            (ChatRole::User, "Hi\nthere"),
            (ChatRole::Assistant, "Hm"),
            (ChatRole::User, "?"),
            (ChatRole::Assistant, "Hello"),
        ]
    );
    let weights: Vec<_> = found.examples[0].messages.iter().map(|m| m.weight).collect();
    assert_eq!(weights, [None, None, Some(0.0), None, Some(1.0)]);
}

#[test]
fn alpaca_is_read_with_and_without_input() {
    let found = read(
        "{\"instruction\": \"Translate.\", \"input\": \"chat\", \"output\": \"cat\"}\n\
         {\"instruction\": \"Greet.\", \"input\": \"\", \"output\": \"Hello\", \"system\": \"Be kind.\"}\n",
    );
    assert_eq!(found.format, ChatFormat::Alpaca);
    assert_eq!(spoken(&found, 0), [(ChatRole::User, "Translate.\n\nchat"), (ChatRole::Assistant, "cat")]);
    assert_eq!(
        spoken(&found, 1),
        [(ChatRole::System, "Be kind."), (ChatRole::User, "Greet."), (ChatRole::Assistant, "Hello")]
    );
    assert_eq!(found.examples[1].source.row, 2);
}

#[test]
fn sharegpt_is_read_from_an_array_too() {
    let found = read(
        r#"[{"id": "x", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}]"#,
    );
    assert_eq!(found.format, ChatFormat::ShareGpt);
    assert_eq!(spoken(&found, 0), [(ChatRole::User, "Hi"), (ChatRole::Assistant, "Hello")]);
}

#[test]
fn every_unusable_example_is_reported_by_line() {
    let user = r#"{"role": "user", "content": "Hi"}"#;
    let assistant = r#"{"role": "assistant", "content": "Hello"}"#;
    let conversation = |messages: &[&str]| format!("{{\"messages\": [{}]}}", messages.join(", "));
    let lines = [
        conversation(&[user, assistant]),
        "{\"messages\": ".to_owned(),
        conversation(&[user]),
        conversation(&[user, assistant, user]),
        conversation(&[r#"{"role": "user", "content": " "}"#, assistant]),
        conversation(&[user, r#"{"role": "tool", "content": "7"}"#, assistant]),
        conversation(&[user, r#"{"role": "robot", "content": "7"}"#, assistant]),
        conversation(&[user, r#"{"role": "assistant", "content": null, "tool_calls": [{}]}"#]),
        conversation(&[user, r#"{"role": "assistant", "content": "x", "weight": 0}"#]),
        conversation(&[r#"{"role": "user", "content": "Hi", "weight": 1}"#, assistant]),
        "{\"instruction\": \"a\", \"output\": \"b\"}".to_owned(),
        "{\"messages\": \"hi\"}".to_owned(),
        conversation(&[user, r#"{"role": "system", "content": "x"}"#, assistant]),
        conversation(&[r#"{"role": "user", "content": [{"type": "image_url"}]}"#, assistant]),
        conversation(&[r#"{"role": "user"}"#, assistant]),
    ];
    let found = errors(&lines.join("\n"));
    let starts = [
        "chat.jsonl, line 2: bad JSON",
        "chat.jsonl, line 3: there is no assistant message",
        "chat.jsonl, line 4: the last message is not the assistant's",
        "chat.jsonl, line 5: message 1 is empty",
        "chat.jsonl, line 6, field `role`: role `tool`: calling tools cannot be trained here",
        "chat.jsonl, line 7, field `role`: `robot` is not a role",
        "chat.jsonl, line 8, field `tool_calls`: calling tools cannot be trained here",
        "chat.jsonl, line 9: every assistant message has weight 0",
        "chat.jsonl, line 10, field `weight`: only an assistant message can have a weight",
        "chat.jsonl, line 11: there is no field `messages`, which OpenAI chat needs",
        "chat.jsonl, line 12, field `messages`: this is not a list of messages",
        "chat.jsonl, line 13: message 2 is a system message after the first",
        "chat.jsonl, line 14, field `content`: a part of the content is not text",
        "chat.jsonl, line 15, field `content`: there is no text in `content`; the fields are `role`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn a_format_that_is_not_known_is_refused_with_the_fields_found() {
    let found = errors("{\"prompt\": \"a\", \"completion\": \"b\"}\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(
        "chat.jsonl, line 1: this is no known format of chat examples; the fields are `prompt` and `completion`."
    ));
    assert_eq!(errors("{\n").len(), 1);
    assert_eq!(
        errors("[]"),
        ["chat.jsonl: the file has no examples. Choose the file that holds the examples."]
    );
}
