//! The JSON of `chat/completions`, in and out.

mod completion;
mod request;
mod stream;

pub use completion::{ChatAnswer, ChatChoice, ChatCompletion, ChatMessage, ChatUsage, ChoiceLogprobs};
pub use request::ChatRequest;
pub use stream::{ChatChunk, ChatStream, ChunkChoice, Delta};

/// What every part of one answer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatHead {
    /// `chatcmpl-` and something unique.
    pub id: String,
    /// When it was asked for, in seconds since 1970.
    pub created: i64,
    /// The model, by the name it was asked for.
    pub model: String,
}

/// Identifies what computed an answer, in the form in which OpenAI's API says it.
fn system_fingerprint(fingerprint: &str) -> String {
    format!("fp_{}", fingerprint.get(..10).unwrap_or(fingerprint))
}
