//! Generates text with tiny random models: many requests at once, and text held to schemas.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod batches;
mod constraints;
mod endings;
mod memory;
mod schemas;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod support;
mod tokenizers;

use std::collections::BTreeMap;

use gradus_engine::generation::{
    Event, FinishReason, GeneratedToken, GenerationError, GenerationOptions, Generator, Request, RequestId,
};
use gradus_engine::tokenizer::Tokenizer;
use support::TinyModel;

/// A model with that tokenizer's vocabulary.
fn model(tokenizer: &Tokenizer) -> TinyModel {
    TinyModel::changed(|config| {
        config.vocabulary_size = tokenizer.vocabulary_size();
        (config.hidden_size, config.intermediate_size) = (16, 24);
    })
}

/// What became of one request.
#[derive(Debug, Default)]
struct Answer {
    text: String,
    tokens: Vec<GeneratedToken>,
    reason: Option<FinishReason>,
    error: Option<GenerationError>,
}

impl Answer {
    fn ids(&self) -> Vec<u32> {
        self.tokens.iter().filter_map(|token| token.token).collect()
    }

    fn add(&mut self, event: Event) {
        match event {
            Event::Token { token, .. } => {
                self.text.push_str(&token.text);
                self.tokens.push(token);
            }
            Event::Finished { reason, .. } => self.reason = Some(reason),
            Event::Failed { error, .. } => self.error = Some(error),
        }
    }
}

fn request_of(event: &Event) -> RequestId {
    match event {
        Event::Token { request, .. } | Event::Finished { request, .. } | Event::Failed { request, .. } => {
            *request
        }
    }
}

/// Goes on until every request is done.
fn finish(generator: &mut Generator<'_>) -> BTreeMap<RequestId, Answer> {
    let mut answers: BTreeMap<RequestId, Answer> = BTreeMap::new();
    while !generator.is_idle() {
        for event in generator.step().unwrap() {
            answers.entry(request_of(&event)).or_default().add(event);
        }
    }
    answers
}

/// The answers to some requests, in their order.
fn answers(generator: &mut Generator<'_>, requests: &[Request]) -> Vec<Answer> {
    for request in requests {
        generator.submit(request.clone()).unwrap();
    }
    finish(generator).into_values().collect()
}

fn sampled(prompt: &[u32], seed: u64) -> Request {
    let options =
        GenerationOptions { max_tokens: 30, temperature: 1.0, seed, ..GenerationOptions::default() };
    Request { prompt: prompt.to_vec(), options, ..Request::default() }
}
