//! Stanford Alpaca's format: `{"instruction": "…", "input": "…", "output": "…"}`.

use serde_json::{Map, Value};

use super::{ChatFormat, ChatMessage, ChatRole, Conversation, Format};

pub(super) const FORMAT: Format =
    Format { format: ChatFormat::Alpaca, name: "Alpaca", field: "instruction", read };

fn read(object: &Map<String, Value>) -> Conversation {
    let optional = |field| match object.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(_) => super::text(object, field),
    };
    let (system, input) = (optional("system")?, optional("input")?);
    let mut instruction = super::text(object, FORMAT.field)?.to_owned();
    if !input.trim().is_empty() {
        instruction = format!("{instruction}\n\n{input}");
    }
    let output = super::text(object, "output")?.to_owned();
    let spoken =
        [(ChatRole::System, system.to_owned()), (ChatRole::User, instruction), (ChatRole::Assistant, output)];
    let without_system = usize::from(system.trim().is_empty());
    let messages = spoken.into_iter().skip(without_system);
    Ok(messages.map(|(role, content)| ChatMessage { role, content, weight: None }).collect())
}
