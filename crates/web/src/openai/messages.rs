//! Conversations as OpenAI writes them, as turns that a chat template knows. Text alone: whatever else a
//! message carries is refused by its place.

use gradus_app::engine::chat::{Message, Role};
use serde_json::Value;

use super::Refusal;
use super::fields::{Fields, unknown_word, wrong_type};

const ROLES: [&str; 4] = ["developer", "system", "user", "assistant"];

/// The role of a message.
pub(super) fn role(param: &str, name: &str) -> Result<Role, Refusal> {
    match name {
        // Instructions have one name in chat templates.
        "system" | "developer" => Ok(Role::System),
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "tool" | "function" => {
            let message = format!(
                "Unsupported value: '{param}' is '{name}', and tools are not supported by this server."
            );
            Err(Refusal::invalid(param, "unsupported_value", message))
        }
        other => Err(unknown_word(param, other, &ROLES)),
    }
}

/// The text of a message: a string, or parts of one of the given types, one after the other.
pub(super) fn text(param: &str, content: &Value, part_types: &[&str]) -> Result<String, Refusal> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        other => return Err(wrong_type(param, "a string or an array of parts", other)),
    };
    let mut whole = String::new();
    for (index, part) in parts.iter().enumerate() {
        let param = format!("{param}[{index}]");
        let mut fields = Fields::of(&param, part)?;
        let kind = fields.required("type")?;
        let kind = kind.as_str().ok_or_else(|| wrong_type(&fields.param("type"), "a string", kind))?;
        if !part_types.contains(&kind) {
            let message = format!(
                "Unsupported value: '{param}' is of type '{kind}', and this server reads text alone: {}.",
                part_types.join(", ")
            );
            return Err(Refusal::invalid(param, "unsupported_value", message));
        }
        let text = fields.required("text")?;
        whole += text.as_str().ok_or_else(|| wrong_type(&fields.param("text"), "a string", text))?;
        fields.without_effect(&["annotations", "logprobs", "prompt_cache_breakpoint"]);
        fields.finish()?;
    }
    Ok(whole)
}

/// The messages of a chat.
pub(super) fn chat(messages: &[Value]) -> Result<Vec<Message>, Refusal> {
    if messages.is_empty() {
        let message = "Invalid 'messages': expected at least one message.";
        return Err(Refusal::invalid("messages", "empty_array", message));
    }
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| chat_message(&format!("messages[{index}]"), message))
        .collect()
}

fn chat_message(param: &str, message: &Value) -> Result<Message, Refusal> {
    let mut fields = Fields::of(param, message)?;
    let name = fields.required("role")?;
    let name = name.as_str().ok_or_else(|| wrong_type(&fields.param("role"), "a string", name))?;
    let role = role(&fields.param("role"), name)?;
    fields.none_of(&["tool_calls", "function_call", "audio", "refusal"])?;
    let content = fields.required("content")?;
    let content = text(&fields.param("content"), content, &["text"])?;
    // What clients send along when they send an answer back.
    fields.without_effect(&["name", "annotations", "parsed"]);
    fields.finish()?;
    Ok(Message::new(role, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(messages: Value) -> Result<Vec<Message>, Refusal> {
        chat(messages.as_array().unwrap())
    }

    #[test]
    fn strings_and_parts_become_turns() {
        let messages = read(json!([
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }], "name": "x" },
            { "role": "assistant", "content": "c", "refusal": null, "tool_calls": [], "annotations": [] },
        ]));
        let expected = [
            Message::new(Role::System, "Be brief."),
            Message::new(Role::User, "ab"),
            Message::new(Role::Assistant, "c"),
        ];
        assert_eq!(messages.unwrap(), expected);
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_place() {
        let refused = |messages| {
            let refusal = read(messages).unwrap_err();
            (refusal.param.unwrap(), refusal.code.unwrap())
        };
        let image = json!([{ "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "image_url", "image_url": {} }] }]);
        assert_eq!(refused(image), ("messages[0].content[1]".into(), "unsupported_value"));
        let tool = json!([{ "role": "user", "content": "a" }, { "role": "tool", "content": "b", "tool_call_id": "c" }]);
        assert_eq!(refused(tool), ("messages[1].role".into(), "unsupported_value"));
        let call = json!([{ "role": "assistant", "content": null, "tool_calls": [{}] }]);
        assert_eq!(refused(call), ("messages[0].tool_calls".into(), "unsupported_parameter"));
        let silent = json!([{ "role": "assistant", "content": null }]);
        assert_eq!(refused(silent), ("messages[0].content".into(), "missing_required_parameter"));
        assert_eq!(
            refused(json!([{ "role": "king", "content": "a" }])),
            ("messages[0].role".into(), "invalid_value")
        );
        assert_eq!(refused(json!([])), ("messages".into(), "empty_array"));
        assert_eq!(
            refused(json!([{ "role": "user", "content": 3 }])),
            ("messages[0].content".into(), "invalid_type")
        );
        let extra = json!([{ "role": "user", "content": "a", "mood": "b" }]);
        assert_eq!(refused(extra), ("messages[0].mood".into(), "unknown_parameter"));
    }
}
