//! OpenAI's chat format: `{"messages": [{"role": "user", "content": "…"}, …]}`.

use serde_json::{Map, Value};

use super::{ChatFormat, ChatMessage, ChatRole, Conversation, Fault, Format};

pub(super) const FORMAT: Format =
    Format { format: ChatFormat::OpenAi, name: "OpenAI chat", field: "messages", read };

fn read(object: &Map<String, Value>) -> Conversation {
    for field in ["tools", "functions"] {
        let value = object.get(field);
        if value.is_some_and(|value| !value.is_null() && value != &Value::Array(Vec::new())) {
            return Err(no_tools(field));
        }
    }
    let turns = super::turns(object, FORMAT.field)?;
    turns.into_iter().map(message).collect()
}

fn message(turn: &Map<String, Value>) -> Result<ChatMessage, Fault> {
    for field in ["tool_calls", "function_call"] {
        if turn.get(field).is_some_and(|value| !value.is_null()) {
            return Err(no_tools(field));
        }
    }
    let role = match super::text(turn, "role")? {
        "system" | "developer" => ChatRole::System,
        "user" => ChatRole::User,
        "assistant" => ChatRole::Assistant,
        other => return Err(super::unsupported_role(other).in_column("role")),
    };
    Ok(ChatMessage { role, content: content(turn)?, weight: super::weight(turn, role)? })
}

/// A text, or a list of parts that are all text.
fn content(turn: &Map<String, Value>) -> Result<String, Fault> {
    let Some(Value::Array(parts)) = turn.get("content") else {
        return super::text(turn, "content").map(str::to_owned);
    };
    let texts: Option<Vec<&str>> =
        parts.iter().map(|part| part.get("text").and_then(Value::as_str)).collect();
    texts.map(|texts| texts.join("\n")).ok_or_else(|| {
        Fault::new(
            "a part of the content is not text; images and audio cannot be trained here",
            "Delete the example, or keep its text only.",
        )
        .in_column("content")
    })
}

fn no_tools(field: &str) -> Fault {
    Fault::new("calling tools cannot be trained here", "Delete the example, or rewrite it without tools.")
        .in_column(field)
}
