//! What `gradus generate` prints: each answer when it is there, and in the end what could not be answered.

use std::time::Instant;

use gradus_app::Error;
use gradus_app::answering::{Asker, Completing, Completion};
use gradus_app::engine::generation::{FinishReason, GeneratedToken, TokenProbability};
use gradus_app::engine::tokenizer::Tokenizer;
use gradus_app::prompts::Prompt;
use serde_json::{Value, json};

use crate::{console, interrupt, output};

/// Prints answers as they come.
pub(super) struct Answers<'a> {
    prompts: &'a [Prompt],
    /// Whether the one prompt stood on the command line.
    one: bool,
    json: bool,
    log_probabilities: bool,
    began: Instant,
    /// Answers that ended as they should.
    answered: usize,
    tokens: usize,
    failed: Vec<String>,
}

impl<'a> Answers<'a> {
    pub(super) fn new(completing: &'a Completing, one: bool, json: bool) -> Self {
        Self {
            prompts: &completing.prompts,
            one,
            json,
            log_probabilities: completing.options.log_probabilities.is_some(),
            began: Instant::now(),
            answered: 0,
            tokens: 0,
            failed: Vec::new(),
        }
    }

    /// Says how much was done, where that is many prompts.
    pub(super) fn close(&self) {
        if !self.one && self.tokens > 0 {
            let seconds = self.began.elapsed().as_secs_f64();
            let (answered, of, tokens) = (self.answered, self.prompts.len(), self.tokens);
            let rate = tokens as f64 / seconds;
            console::line(&format!(
                "{answered} of {of} prompts answered, {tokens} tokens in {seconds:.1} s: {rate:.0} tokens/s"
            ));
        }
    }

    /// An error where prompts could not be answered.
    pub(super) fn failures(self) -> Result<(), Error> {
        let (of, mut problems) = (self.prompts.len(), self.failed);
        match problems.len() {
            0 => Ok(()),
            1 if self.one => Err(Error::Request(problems.remove(0))),
            _ => Err(Error::Unanswered { of, problems }),
        }
    }
}

impl Asker for Answers<'_> {
    fn token(&mut self, _prompt: usize, token: &GeneratedToken) {
        if self.one && !self.json {
            output::print_piece(&token.text);
        }
    }

    fn answer(&mut self, prompt: usize, completion: &Completion, tokenizer: &Tokenizer) {
        let prompt = &self.prompts[prompt];
        self.tokens += completion.tokens.len();
        match &completion.outcome {
            Some(Ok(_)) => self.answered += 1,
            Some(Err(error)) => self.failed.push(prompt.problem(error)),
            None => {}
        }
        let name = |token: u32| tokenizer.decode(&[token]);
        match (self.json, self.one) {
            (true, true) => output::print(as_json(completion, &name).to_string()),
            (true, false) => {
                let mut object = as_json(completion, &name);
                object["prompt"] = json!(prompt.text);
                output::print(object.to_string());
            }
            (false, true) => output::print(""),
            (false, false) => output::print(format!("> {}\n{}\n", prompt.text, completion.text)),
        }
        if !self.json && self.log_probabilities {
            output::print(probabilities(completion, &name));
        }
    }

    fn stops(&self) -> bool {
        interrupt::requested()
    }
}

fn as_json(completion: &Completion, name: &dyn Fn(u32) -> String) -> Value {
    let finish_reason = match completion.outcome {
        Some(Ok(FinishReason::Stop)) => "stop",
        Some(Ok(FinishReason::Length)) => "length",
        Some(Err(_)) => "error",
        None => "interrupted",
    };
    let mut object = json!({ "text": completion.text, "finish_reason": finish_reason });
    if let Some(Err(error)) = &completion.outcome {
        object["error"] = error.to_string().into();
    }
    let one = |one: &TokenProbability| json!({ "token": name(one.token), "id": one.token, "log_probability": one.log_probability });
    let tokens = completion.tokens.iter().filter_map(|token| {
        let mut object = one(&token.probability?);
        if !token.alternatives.is_empty() {
            object["alternatives"] = token.alternatives.iter().map(one).collect();
        }
        Some(object)
    });
    let tokens: Vec<Value> = tokens.collect();
    if !tokens.is_empty() {
        object["tokens"] = tokens.into();
    }
    object
}

/// A line for each token.
fn probabilities(completion: &Completion, name: &dyn Fn(u32) -> String) -> String {
    let cell =
        |one: &TokenProbability| format!("{:?} {:.1} %", name(one.token), 100.0 * one.log_probability.exp());
    let rows = completion.tokens.iter().filter_map(|token| {
        let alternatives = token.alternatives.iter().map(cell);
        Some(std::iter::once(cell(&token.probability?)).chain(alternatives).collect())
    });
    output::table(&rows.collect::<Vec<Vec<String>>>())
}
