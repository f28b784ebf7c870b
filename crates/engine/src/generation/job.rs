//! One request on its way: what was read and chosen, and what follows from the next logits.

use super::constraint::Constraint;
use super::error::{ConstraintError, GenerationError};
use super::penalties::{Penalties, restore};
use super::request::{Event, FinishReason, GeneratedToken, GenerationOptions, Request, RequestId};
use super::sampling::{choose, log_sum, most_probable, probability};
use super::text::{Addition, TextStream};
use crate::random::Random;
use crate::reading::{AdapterId, SequenceId};
use crate::tokenizer::Tokenizer;

pub(super) struct Job<'t> {
    pub(super) id: RequestId,
    pub(super) adapter: Option<AdapterId>,
    /// Where its tokens are read; none while it waits.
    pub(super) sequence: Option<SequenceId>,
    /// The prompt and what was generated.
    pub(super) tokens: Vec<u32>,
    /// How many of them were read.
    pub(super) read: usize,
    /// How many of the prompt's tokens others had read when it joined first.
    pub(super) reused: Option<usize>,
    prompt: usize,
    options: GenerationOptions,
    constraint: Option<Constraint>,
    random: Random,
    penalties: Penalties,
    text: TextStream<'t>,
}

/// How a job ended.
pub(super) type Outcome = Result<FinishReason, GenerationError>;

impl<'t> Job<'t> {
    pub(super) fn new(id: RequestId, request: Request, tokenizer: &'t Tokenizer) -> Self {
        let Request { prompt, adapter, options, constraint } = request;
        // What a constraint is held against is the text as it is, with the space it may begin with.
        let decoder = if constraint.is_some() { tokenizer.continued_stream() } else { tokenizer.stream() };
        Self {
            id,
            adapter,
            sequence: None,
            read: 0,
            reused: None,
            prompt: prompt.len(),
            tokens: prompt,
            random: Random::new(&[options.seed, 0x6E4E]),
            penalties: Penalties::default(),
            text: TextStream::new(decoder, options.stop_texts.clone()),
            options,
            constraint,
        }
    }

    /// Tokens that are still to be read.
    pub(super) fn unread(&self) -> &[u32] {
        &self.tokens[self.read..]
    }

    /// A job that may not generate a single token ends before it begins.
    pub(super) fn is_over(&self) -> bool {
        self.options.max_tokens == 0
    }

    /// Chooses the next token from its logits. `context`: tokens that the model can read.
    pub(super) fn advance(&mut self, logits: &mut [f32], context: usize) -> (Vec<Event>, Option<Outcome>) {
        let mut events = Vec::new();
        let outcome = self.choose(logits, &mut events).map(|reason| {
            let generated = self.tokens.len() - self.prompt;
            let full = generated >= self.options.max_tokens || self.tokens.len() > context;
            reason.or(full.then_some(FinishReason::Length))
        });
        let outcome = outcome.transpose();
        if outcome.is_some() {
            let undecided = self.text.undecided();
            let text = self.text.finish();
            if !text.is_empty() || undecided > 0 {
                events.push(self.event(GeneratedToken {
                    token: None,
                    text,
                    probability: None,
                    alternatives: Vec::new(),
                    undecided: 0,
                }));
            }
        }
        (events, outcome)
    }

    fn choose(
        &mut self,
        logits: &mut [f32],
        events: &mut Vec<Event>,
    ) -> Result<Option<FinishReason>, GenerationError> {
        // Before the constraint takes tokens away.
        let asked = self.options.log_probabilities.map(|count| {
            let log_sum = log_sum(logits);
            (log_sum, most_probable(logits, log_sum, count))
        });
        let original = self.penalties.apply(logits, &self.options);
        if let Some(constraint) = &mut self.constraint {
            constraint.restrict(logits)?;
        }
        let token = choose(logits, &self.options, &mut self.random).ok_or(ConstraintError::NoToken)?;
        if self.options.stop_tokens.contains(&token) {
            return Ok(Some(FinishReason::Stop));
        }
        let addition = self.text.push(token);
        self.tokens.push(token);
        self.penalties.count(token, &self.options);
        restore(logits, original);
        let probability = asked.as_ref().map(|(log_sum, _)| probability(logits, *log_sum, token));
        let alternatives = asked.map_or_else(Vec::new, |(_, alternatives)| alternatives);
        let Addition { text, undecided, .. } = addition;
        let token_event = GeneratedToken { token: Some(token), text, probability, alternatives, undecided };
        events.push(self.event(token_event));
        let met = match &mut self.constraint {
            Some(constraint) => constraint.accept(token)?,
            None => false,
        };
        Ok((addition.stopped || met).then_some(FinishReason::Stop))
    }

    fn event(&self, token: GeneratedToken) -> Event {
        Event::Token { request: self.id, token }
    }
}
