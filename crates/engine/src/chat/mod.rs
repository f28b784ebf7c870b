//! Conversations as the text and tokens that a model was trained on, by the model's own Jinja template.

mod environment;
mod json;
mod spans;

pub use spans::EncodedChat;

use crate::tokenizer::Tokenizer;
use minijinja::{Environment, Value, context};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// A compiled chat template.
#[derive(Clone)]
pub struct ChatTemplate {
    source: String,
    environment: Environment<'static>,
}

const NAME: &str = "chat_template";

impl ChatTemplate {
    /// Compiles a template. `bos` and `eos` are the texts that it may refer to as `bos_token` and
    /// `eos_token`.
    ///
    /// # Errors
    /// When it is not valid Jinja.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self, ChatError> {
        let failed = |error| ChatError::Compile(describe(&error));
        let mut environment = environment::build().map_err(failed)?;
        environment.add_global("bos_token", bos);
        environment.add_global("eos_token", eos);
        environment.add_template_owned(NAME, source.to_owned()).map_err(failed)?;
        Ok(Self { source: source.to_owned(), environment })
    }

    /// Compiles a template for the tokenizer it belongs to.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_tokenizer(source: &str, tokenizer: &Tokenizer) -> Result<Self, ChatError> {
        let special = tokenizer.special_ids();
        let text = |id: Option<u32>| id.and_then(|id| tokenizer.token_text(id)).unwrap_or_default();
        Self::new(source, &text(special.bos), &text(special.eos))
    }

    /// The template as it was given, for exports.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Writes a conversation out. With `add_generation_prompt` it ends where the model has to go on.
    ///
    /// What messages contain is put in as it is: to tokenize a conversation use
    /// [`encode`](Self::encode), which keeps their text from becoming control tokens.
    ///
    /// # Errors
    /// When the template refuses the conversation, or fails on it.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, ChatError> {
        let failed = |error: minijinja::Error| ChatError::Render(describe(&error));
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let context = context! {
            messages => messages.iter().map(template_value).collect::<Value>(),
            add_generation_prompt => add_generation_prompt,
            tools => (),
            documents => (),
        };
        template.render(context).map_err(failed)
    }
}

/// Keys in the order in which Python programs write them, for templates that print whole messages.
fn template_value(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    Value::from_pairs([("role", role), ("content", message.content.as_str())])
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChatTemplate").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A template or a conversation that does not work.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The template is not valid.
    #[error("the chat template is not valid: {0}")]
    Compile(String),
    /// The template refused the conversation or failed on it.
    #[error("the chat template cannot write this conversation: {0}")]
    Render(String),
    /// The template changes earlier turns when later ones follow.
    #[error(
        "the chat template writes message {message} differently once more messages follow, so what the \
         assistant said cannot be told apart for training; use a model whose template does not, or \
         conversations of one answer each"
    )]
    NotIncremental {
        /// Number of the message, from 1.
        message: usize,
    },
    /// The text could not be split into tokens.
    #[error(transparent)]
    Tokenizer(#[from] crate::tokenizer::TokenizerError),
}

fn describe(error: &minijinja::Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{what} (line {line} of the template)"),
        None => what,
    }
}
