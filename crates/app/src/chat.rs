//! Conversations: training data from files, and talking to a model.

use std::path::Path;

use gradus_engine::chat::{Message, Role};
use gradus_engine::generation::{
    Constraint, Constraints, Event, FinishReason, GeneratedToken, GenerationError, GenerationOptions,
    Generator, GeneratorLimits, Request, RequestId,
};
use gradus_grading::import::chat::{ChatExamples, ChatRole, chat_examples};
use serde::Deserialize;
use serde_json::Value;

use crate::runtime::{AdaptedModel, Runtime};
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

/// What an answer is held to.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerFormat {
    /// JSON that satisfies a schema.
    JsonSchema(Value),
    /// Text that a regular expression matches as a whole.
    Regex(String),
}

/// Prompts to be answered.
#[derive(Debug, Clone)]
pub struct Completing {
    /// The prompts.
    pub prompts: Vec<String>,
    /// Continue the bare text instead of answering it as a conversation.
    pub raw: bool,
    /// For every prompt; the model's own stop tokens are added.
    pub options: GenerationOptions,
    /// What every answer is held to.
    pub format: Option<AnswerFormat>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// Its text.
    pub text: String,
    /// The tokens, with their probabilities if asked for.
    pub tokens: Vec<GeneratedToken>,
    /// Why it ended; `None` where the work was stopped before.
    pub finish_reason: Option<FinishReason>,
}

/// Reads prompts: one on each line, or as the field `prompt` of one JSON object on each line.
pub fn read_prompts(path: &Path) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Line {
        prompt: String,
    }
    let bytes = files::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.trim_start_matches('\u{FEFF}').lines().enumerate();
    let lines: Vec<(usize, &str)> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(Error::Request(format!("{} holds no prompt: write one on each line", path.display())));
    }
    if !lines[0].1.trim_start().starts_with('{') {
        return Ok(lines.into_iter().map(|(_, line)| line.trim().to_owned()).collect());
    }
    let prompt = |(index, line): (usize, &str)| {
        let read: Result<Line, _> = serde_json::from_str(line);
        read.map(|line| line.prompt).map_err(|error| {
            let (file, row) = (path.display(), index + 1);
            Error::Request(format!(
                "{file}, line {row}: {error}; each line is a JSON object with the text in \"prompt\""
            ))
        })
    };
    lines.into_iter().map(prompt).collect()
}

/// Answers prompts, many at a time, in conversation where the model has a template. `visit` gets each
/// token with the number of its prompt and ends the work by returning false.
pub fn complete(
    model: &mut AdaptedModel,
    completing: &Completing,
    visit: &mut dyn FnMut(usize, &GeneratedToken) -> bool,
) -> Result<Vec<Completion>, Error> {
    let AdaptedModel { runtime, adapter } = model;
    let constraint = completing.format.as_ref().map(|format| constraint(runtime, format)).transpose()?;
    let requests = completing.prompts.iter().map(|prompt| {
        if prompt.trim().is_empty() {
            let message = "the prompt is empty: write what the model should continue";
            return Err(Error::Request(message.into()));
        }
        let mut options = completing.options.clone();
        options.stop_tokens.extend(runtime.stop_tokens());
        let prompt = prompt_tokens(runtime, prompt, completing.raw)?;
        Ok(Request { prompt, options, constraint: constraint.clone(), adapter: None })
    });
    let requests: Vec<Request> = requests.collect::<Result<_, Error>>()?;

    let Runtime { backend, tokenizer, .. } = runtime;
    let mut generator = Generator::new(backend.as_mut(), tokenizer, GeneratorLimits::default());
    let adapter = adapter.as_ref().map(|adapter| generator.adapt(adapter)).transpose()?;
    let submitted = requests.into_iter().map(|request| generator.submit(Request { adapter, ..request }));
    let ids: Vec<RequestId> = submitted.collect::<Result<_, _>>()?;
    let mut completions = vec![Completion::default(); ids.len()];
    let index_of = |request: RequestId| ids.binary_search(&request).unwrap_or_default();
    while !generator.is_idle() {
        for event in generator.step()? {
            match event {
                Event::Token { request, token } => {
                    let index = index_of(request);
                    completions[index].text.push_str(&token.text);
                    let goes_on = visit(index, &token);
                    completions[index].tokens.push(token);
                    if !goes_on {
                        return Ok(completions);
                    }
                }
                Event::Finished { request, reason } => {
                    completions[index_of(request)].finish_reason = Some(reason);
                }
                Event::Failed { error, .. } => return Err(error.into()),
            }
        }
    }
    Ok(completions)
}

fn constraint(runtime: &Runtime, format: &AnswerFormat) -> Result<Constraint, Error> {
    let vocabulary = runtime.config.vocabulary_size;
    let constraints = Constraints::new(&runtime.tokenizer, vocabulary, &runtime.stop_tokens());
    let constraints = constraints.map_err(GenerationError::from)?;
    let constraint = match format {
        AnswerFormat::JsonSchema(schema) => constraints.json_schema(schema),
        AnswerFormat::Regex(pattern) => constraints.regex(pattern),
    };
    Ok(constraint.map_err(GenerationError::from)?)
}

fn prompt_tokens(runtime: &Runtime, prompt: &str, raw: bool) -> Result<Vec<u32>, Error> {
    if let (Some(template), false) = (&runtime.chat_template, raw) {
        return Ok(template.encode(&runtime.tokenizer, &[Message::new(Role::User, prompt)], true)?.ids);
    }
    let mut tokens: Vec<u32> = runtime.tokenizer.opening_token().into_iter().collect();
    tokens.extend(runtime.tokenizer.encode(prompt, false)?);
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prompts");
        std::fs::write(&path, text).unwrap();
        read_prompts(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn prompts_are_lines_or_objects() {
        assert_eq!(read("What is osmosis?\n\n  Why? \r\n").unwrap(), ["What is osmosis?", "Why?"]);
        assert_eq!(read("{\"prompt\": \"a\\nb\"}\n{\"prompt\": \"c\", \"id\": 3}\n").unwrap(), ["a\nb", "c"]);
        assert!(read(" \n").unwrap_err().contains("holds no prompt"));
        let refused = read("{\"prompt\": \"a\"}\nb").unwrap_err();
        assert!(refused.contains("line 2") && refused.contains("\"prompt\""), "{refused}");
    }
}
