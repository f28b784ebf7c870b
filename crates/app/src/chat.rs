//! Conversations: training data from files, and talking to a model.

use std::path::Path;

use gradus_engine::chat::{Message, Role};
use gradus_engine::generation::{FinishReason, GenerationOptions, generate};
use gradus_grading::import::chat::{ChatExamples, ChatRole, chat_examples};

use crate::runtime::AdaptedModel;
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

/// Generates a continuation: of a conversation where the model has a template and `raw` is false, of the
/// bare text otherwise. `visit` gets the text piece by piece and ends it by returning false.
pub fn complete(
    model: &mut AdaptedModel,
    prompt: &str,
    raw: bool,
    options: GenerationOptions,
    visit: &mut dyn FnMut(&str) -> bool,
) -> Result<FinishReason, Error> {
    check(prompt, &options)?;
    let AdaptedModel { runtime, adapter } = model;
    let tokens = match (&runtime.chat_template, raw) {
        (Some(template), false) => {
            template.encode(&runtime.tokenizer, &[Message::new(Role::User, prompt)], true)?.ids
        }
        _ => {
            let mut tokens: Vec<u32> = runtime.tokenizer.opening_token().into_iter().collect();
            tokens.extend(runtime.tokenizer.encode(prompt, false)?);
            tokens
        }
    };
    let options = GenerationOptions { stop_tokens: runtime.stop_tokens(), ..options };
    let mut decoder = runtime.tokenizer.stream();
    let reason = generate(runtime.backend.as_mut(), adapter.as_ref(), &tokens, &options, &mut |token| {
        visit(&decoder.push(token))
    })?;
    let rest = decoder.finish();
    if !rest.is_empty() {
        visit(&rest);
    }
    Ok(reason)
}

fn check(prompt: &str, options: &GenerationOptions) -> Result<(), Error> {
    if prompt.trim().is_empty() {
        return Err(Error::Request("the prompt is empty: write what the model should continue".into()));
    }
    let GenerationOptions { temperature, top_p, .. } = *options;
    if !(temperature >= 0.0 && temperature.is_finite()) {
        let message = format!(
            "the temperature is {temperature}: it must be 0 (always the most probable token) or more"
        );
        return Err(Error::Request(message));
    }
    if !(top_p > 0.0 && top_p <= 1.0) {
        let message = format!("top-p is {top_p}: it must be above 0 and at most 1 (all tokens)");
        return Err(Error::Request(message));
    }
    Ok(())
}
