//! Chat examples for fine-tuning in the formats that are passed around: OpenAI chat, Alpaca and ShareGPT.
//! A format is one file here and one line in [`FORMATS`].

mod alpaca;
mod openai;
mod sharegpt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json_lines;
use super::problems::{Fault, Findings, ImportErrors, Place, Problem, quoted_list};
use crate::marked_answer::RowSource;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// Instructions that hold for the whole conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// What is said. Never blank.
    pub content: String,
    /// How much an assistant's message counts in training, 0 to 1; `None` where the file does not say, which
    /// means 1.
    pub weight: Option<f32>,
}

/// One conversation to learn from. Ends with an assistant's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatExample {
    /// In order.
    pub messages: Vec<ChatMessage>,
    /// Where it came from.
    pub source: RowSource,
}

/// The format of a file of chat examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatFormat {
    /// `{"messages": [{"role": …, "content": …}]}`.
    OpenAi,
    /// `{"instruction": …, "input": …, "output": …}`.
    Alpaca,
    /// `{"conversations": [{"from": …, "value": …}]}`.
    ShareGpt,
}

/// What a file of chat examples held.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatExamples {
    /// The format that was recognised.
    pub format: ChatFormat,
    /// In the file's order. Never empty.
    pub examples: Vec<ChatExample>,
    /// What looks odd.
    pub warnings: Vec<Problem>,
}

/// The messages of one object, or what is wrong with it.
type Conversation = Result<Vec<ChatMessage>, Fault>;

/// How a format is recognised and read.
struct Format {
    format: ChatFormat,
    name: &'static str,
    /// The field that tells it from the others.
    field: &'static str,
    read: fn(&Map<String, Value>) -> Conversation,
}

const FORMATS: [&Format; 3] = [&openai::FORMAT, &alpaca::FORMAT, &sharegpt::FORMAT];

/// How many objects decide on the format.
const ROWS_THAT_DECIDE: usize = 20;

/// Reads chat examples, one JSON object a line or one array of them; the format is that of most of the
/// first objects.
///
/// # Errors
/// Everything that is wrong with the file, by line.
pub fn chat_examples(file_name: &str, bytes: &[u8]) -> Result<ChatExamples, ImportErrors> {
    let mut findings = Findings::new(file_name);
    let objects = json_lines::objects(bytes, &mut findings);
    let Some(format) = recognise(&objects) else {
        note_unrecognised(&objects, &mut findings);
        return Err(findings.into_errors());
    };
    let mut examples = Vec::new();
    for (place, object) in &objects {
        match read(format, object) {
            Ok(messages) => examples.push(ChatExample {
                messages,
                source: RowSource { file: file_name.to_owned(), row: place.number() },
            }),
            Err(fault) => findings.error(*place, fault),
        }
    }
    findings.into_warnings().map(|warnings| ChatExamples { format: format.format, examples, warnings })
}

fn recognise(objects: &[(Place, Map<String, Value>)]) -> Option<&'static Format> {
    let votes = |format: &Format| {
        let first = objects.iter().take(ROWS_THAT_DECIDE);
        first.filter(|(_, object)| object.contains_key(format.field)).count()
    };
    let chosen = FORMATS.into_iter().rev().max_by_key(|format| votes(format));
    chosen.filter(|format| votes(format) > 0)
}

fn note_unrecognised(objects: &[(Place, Map<String, Value>)], findings: &mut Findings) {
    let Some((place, object)) = objects.first() else {
        if findings.no_errors() {
            let remedy = "Choose the file that holds the examples.";
            findings.error(None, Fault::new("the file has no examples", remedy));
        }
        return;
    };
    let found = quoted_list(object.keys().map(String::as_str));
    findings.error(
        *place,
        Fault::new(
            format!("this is no known format of chat examples; the fields are {found}"),
            "Use OpenAI chat (`messages`), Alpaca (`instruction`, `input`, `output`) or ShareGPT \
             (`conversations`).",
        ),
    );
}

fn read(format: &Format, object: &Map<String, Value>) -> Conversation {
    if !object.contains_key(format.field) {
        let message = format!(
            "there is no field `{}`, which {} needs; the file was read as {} for its first objects",
            format.field, format.name, format.name
        );
        let remedy = "Put examples of different formats into different files.";
        return Err(Fault::new(message, remedy));
    }
    let messages = (format.read)(object)?;
    check(&messages)?;
    Ok(messages)
}

/// What every conversation must be like, whatever its format.
fn check(messages: &[ChatMessage]) -> Result<(), Fault> {
    for (position, message) in messages.iter().enumerate() {
        let number = position + 1;
        if message.content.trim().is_empty() {
            let message = format!("message {number} is empty");
            return Err(Fault::new(message, "Write its text, or delete the example."));
        }
        if message.role == ChatRole::System && position > 0 {
            let message = format!("message {number} is a system message after the first");
            return Err(Fault::new(message, "Move it to the beginning."));
        }
    }
    let learnable =
        |message: &ChatMessage| message.role == ChatRole::Assistant && message.weight != Some(0.0);
    if !messages.iter().any(|message| message.role == ChatRole::Assistant) {
        let remedy = "Add the answer that the model should give.";
        return Err(Fault::new("there is no assistant message", remedy));
    }
    if messages.last().map(|message| message.role) != Some(ChatRole::Assistant) {
        let remedy = "Add the answer that the model should give, or delete what follows the last one.";
        return Err(Fault::new("the last message is not the assistant's", remedy));
    }
    if !messages.iter().any(learnable) {
        let remedy = "Give one of them a weight above 0, or delete the example.";
        return Err(Fault::new("every assistant message has weight 0", remedy));
    }
    Ok(())
}

/// The list of turns in a field, each an object.
fn turns<'a>(object: &'a Map<String, Value>, field: &str) -> Result<Vec<&'a Map<String, Value>>, Fault> {
    let turns = object.get(field).and_then(Value::as_array);
    let turns = turns.and_then(|turns| turns.iter().map(Value::as_object).collect());
    turns.ok_or_else(|| {
        Fault::new("this is not a list of messages", "Write `[{…}, {…}]`, one object for each message.")
            .in_column(field)
    })
}

/// A field that must hold text.
fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a str, Fault> {
    let value = object.get(field).and_then(Value::as_str);
    value.ok_or_else(|| {
        let found = quoted_list(object.keys().map(String::as_str));
        Fault::new(
            format!("there is no text in `{field}`; the fields are {found}"),
            format!("Write `\"{field}\": \"…\"`."),
        )
        .in_column(field)
    })
}

/// The optional weight of a message.
fn weight(object: &Map<String, Value>, role: ChatRole) -> Result<Option<f32>, Fault> {
    let fault = |message: &str, remedy: &str| Fault::new(message, remedy).in_column("weight");
    match object.get("weight") {
        None | Some(Value::Null) => Ok(None),
        Some(_) if role != ChatRole::Assistant => {
            Err(fault("only an assistant message can have a weight", "Delete this one."))
        }
        Some(value) => value
            .as_f64()
            .filter(|weight| (0.0..=1.0).contains(weight))
            .map(|weight| Some(weight as f32))
            .ok_or_else(|| fault("the weight is not a number from 0 to 1", "Use 0 or 1.")),
    }
}

/// A role that examples cannot have here.
fn unsupported_role(role: &str) -> Fault {
    let (message, remedy) = match role {
        "tool" | "function" | "function_call" | "function_response" | "observation" => (
            format!("role `{role}`: calling tools cannot be trained here"),
            "Delete the example, or rewrite it without tools.",
        ),
        _ => (format!("`{role}` is not a role"), "Use the roles of the system, the user and the assistant."),
    };
    Fault::new(message, remedy)
}
