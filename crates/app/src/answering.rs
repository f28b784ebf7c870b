//! A model answers prompts: many at a time, and each answer is handed over when its turn comes, so that
//! what goes wrong with one, or ends the work, takes nothing from the others.

use gradus_engine::backend::BackendError;
use gradus_engine::chat::{Message, Role};
use gradus_engine::generation::{
    Constraint, ConstraintError, Constraints, Event, FinishReason, GeneratedToken, GenerationError,
    GenerationOptions, Generator, GeneratorLimits, Request, RequestId,
};
use gradus_engine::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::prompts::{Prompt, refuse};
use crate::runtime::{AdaptedModel, Runtime};

/// What an answer is held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that satisfies a schema.
    JsonSchema(Value),
    /// Text that a regular expression matches as a whole.
    Regex(String),
    /// Text of a context-free grammar in llguidance's variant of Lark.
    Grammar(String),
}

/// Prompts to be answered.
#[derive(Debug, Clone)]
pub struct Completing {
    /// The prompts.
    pub prompts: Vec<Prompt>,
    /// Continue the bare text instead of answering it as a conversation.
    pub raw: bool,
    /// For every prompt; the model's own stop tokens are added.
    pub options: GenerationOptions,
    /// What every answer is held to.
    pub format: Option<AnswerFormat>,
}

/// An answer.
#[derive(Debug, Default)]
pub struct Completion {
    /// Its text, as far as it came.
    pub text: String,
    /// The tokens, with their probabilities if asked for.
    pub tokens: Vec<GeneratedToken>,
    /// How it ended; `None` where the work was stopped before.
    pub outcome: Option<Result<FinishReason, GenerationError>>,
}

/// Whoever asked, while answers come. Prompts go by their number.
pub trait Asker {
    /// An answer has a token more.
    fn token(&mut self, _prompt: usize, _token: &GeneratedToken) {}

    /// An answer has ended. Answers come in the order of the prompts, each as soon as it and those before
    /// it are there.
    fn answer(&mut self, prompt: usize, completion: &Completion, tokenizer: &Tokenizer);

    /// Whether the work should end; asked between any two passes of the model.
    fn stops(&self) -> bool;
}

/// Answers prompts, many at a time, in conversation where the model has a template.
///
/// # Errors
/// Where prompts cannot be answered at all, which is found out before anything is generated; where the
/// model fails; and [`Error::Interrupted`] where the asker stops, who has all answers that were begun
/// then. What is wrong with one answer is its outcome.
pub fn complete(
    model: &mut AdaptedModel,
    completing: &Completing,
    asker: &mut dyn Asker,
) -> Result<(), Error> {
    let AdaptedModel { runtime, adapter } = model;
    let requests = requests(runtime, completing, asker)?;
    let Runtime { backend, tokenizer, .. } = runtime;
    let longest = requests.iter().map(|request| request.prompt.len()).max().unwrap_or_default();
    let tokens = longest.saturating_add(completing.options.max_tokens);
    let limits = GeneratorLimits::default().with_room_for(tokens, backend.as_ref());
    let mut generator = Generator::new(backend.as_mut(), tokenizer, limits);
    let adapter = adapter.as_ref().map(|adapter| generator.adapt(adapter)).transpose()?;
    let submitted = requests.into_iter().map(|request| generator.submit(Request { adapter, ..request }));
    let mut answers = Answers::to(submitted.collect::<Result<_, _>>()?);
    while !generator.is_idle() {
        if asker.stops() {
            answers.hand_over_begun(asker, tokenizer);
            return Err(Error::Interrupted);
        }
        for event in generator.step()? {
            answers.take(event, asker);
        }
        answers.hand_over(asker, tokenizer);
    }
    Ok(())
}

/// The prompts as requests, without an adapter.
fn requests(runtime: &Runtime, completing: &Completing, asker: &dyn Asker) -> Result<Vec<Request>, Error> {
    let constraint = completing.format.as_ref().map(|format| constraint(runtime, format)).transpose()?;
    let mut options = completing.options.clone();
    options.stop_tokens.extend(runtime.stop_tokens());
    let (mut requests, mut problems) = (Vec::with_capacity(completing.prompts.len()), Vec::new());
    for prompt in &completing.prompts {
        if asker.stops() {
            return Err(Error::Interrupted);
        }
        match prompt_tokens(runtime, &prompt.text, completing.raw) {
            Ok(prompt) => requests.push(Request {
                prompt,
                options: options.clone(),
                constraint: constraint.clone(),
                adapter: None,
            }),
            Err(error) => problems.push(prompt.problem(error)),
        }
    }
    refuse(problems)?;
    Ok(requests)
}

fn constraint(runtime: &Runtime, format: &AnswerFormat) -> Result<Constraint, Error> {
    let vocabulary = runtime.config.vocabulary_size;
    let constraints = Constraints::new(&runtime.tokenizer, vocabulary, &runtime.stop_tokens());
    let constraint = constraints.and_then(|constraints| format.constraint(&constraints));
    Ok(constraint.map_err(GenerationError::from)?)
}

impl AnswerFormat {
    /// What holds a text of one model to it.
    pub(crate) fn constraint(&self, constraints: &Constraints) -> Result<Constraint, ConstraintError> {
        match self {
            Self::JsonObject => constraints.json_object(),
            Self::JsonSchema(schema) => constraints.json_schema(schema),
            Self::Regex(pattern) => constraints.regex(pattern),
            Self::Grammar(grammar) => constraints.grammar(grammar),
        }
    }
}

fn prompt_tokens(runtime: &Runtime, prompt: &str, raw: bool) -> Result<Vec<u32>, Error> {
    if prompt.trim().is_empty() {
        return Err(Error::Request("the prompt is empty: write what the model should continue".into()));
    }
    let tokens = if let (Some(template), false) = (&runtime.chat_template, raw) {
        template.encode(&runtime.tokenizer, &[Message::new(Role::User, prompt)], true)?.ids
    } else {
        let mut tokens: Vec<u32> = runtime.tokenizer.opening_token().into_iter().collect();
        tokens.extend(runtime.tokenizer.encode(prompt, false)?);
        tokens
    };
    let (length, context) = (tokens.len(), runtime.config.context_length);
    if length > context {
        return Err(BackendError::TooLong { length, context }.into());
    }
    Ok(tokens)
}

/// Answers as they grow, until they are handed over.
struct Answers {
    /// Of the prompts, in their order.
    requests: Vec<RequestId>,
    completions: Vec<Completion>,
    /// How many were handed over.
    given: usize,
}

impl Answers {
    fn to(requests: Vec<RequestId>) -> Self {
        let completions = requests.iter().map(|_| Completion::default()).collect();
        Self { requests, completions, given: 0 }
    }

    fn take(&mut self, event: Event, asker: &mut dyn Asker) {
        match event {
            Event::Token { request, token } => {
                let index = self.index(request);
                asker.token(index, &token);
                self.completions[index].text.push_str(&token.text);
                self.completions[index].tokens.push(token);
            }
            Event::Finished { request, reason, .. } => self.end(request, Ok(reason)),
            Event::Failed { request, error } => self.end(request, Err(error)),
        }
    }

    fn end(&mut self, request: RequestId, outcome: Result<FinishReason, GenerationError>) {
        let index = self.index(request);
        self.completions[index].outcome = Some(outcome);
    }

    /// Requests are numbered in the order in which they were submitted.
    fn index(&self, request: RequestId) -> usize {
        self.requests.partition_point(|other| *other < request)
    }

    /// Hands over what is done, up to the first answer that is not.
    fn hand_over(&mut self, asker: &mut dyn Asker, tokenizer: &Tokenizer) {
        while self.completions.get(self.given).is_some_and(|completion| completion.outcome.is_some()) {
            let completion = std::mem::take(&mut self.completions[self.given]);
            asker.answer(self.given, &completion, tokenizer);
            self.given += 1;
        }
    }

    /// Hands over what is there.
    fn hand_over_begun(&self, asker: &mut dyn Asker, tokenizer: &Tokenizer) {
        let rest = self.completions.iter().enumerate().skip(self.given);
        for (index, completion) in rest {
            if completion.outcome.is_some() || !completion.tokens.is_empty() {
                asker.answer(index, completion, tokenizer);
            }
        }
    }
}
