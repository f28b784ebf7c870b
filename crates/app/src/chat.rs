//! Conversations as training data.

use std::path::Path;

use gradus_engine::chat::Role;
use gradus_grading::import::chat::{ChatExamples, ChatRole, chat_examples};

use crate::{Error, files};

/// Reads conversations in OpenAI's, Alpaca's or ShareGPT's JSONL format.
pub fn read_chat(path: &Path) -> Result<ChatExamples, Error> {
    Ok(chat_examples(&files::name(path), &files::read(path)?)?)
}

pub(crate) fn role(role: ChatRole) -> Role {
    match role {
        ChatRole::System => Role::System,
        ChatRole::User => Role::User,
        ChatRole::Assistant => Role::Assistant,
    }
}
