//! ShareGPT's format: `{"conversations": [{"from": "human", "value": "…"}, …]}`.

use serde_json::{Map, Value};

use super::{ChatFormat, ChatMessage, ChatRole, Conversation, Fault, Format};

pub(super) const FORMAT: Format =
    Format { format: ChatFormat::ShareGpt, name: "ShareGPT", field: "conversations", read };

fn read(object: &Map<String, Value>) -> Conversation {
    let turns = super::turns(object, FORMAT.field)?;
    turns.into_iter().map(message).collect()
}

fn message(turn: &Map<String, Value>) -> Result<ChatMessage, Fault> {
    let role = match super::text(turn, "from")? {
        "system" => ChatRole::System,
        "human" | "user" => ChatRole::User,
        "gpt" | "chatgpt" | "assistant" => ChatRole::Assistant,
        other => return Err(super::unsupported_role(other).in_column("from")),
    };
    Ok(ChatMessage {
        role,
        content: super::text(turn, "value")?.to_owned(),
        weight: super::weight(turn, role)?,
    })
}
