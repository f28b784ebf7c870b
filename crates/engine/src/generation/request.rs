//! What is asked of a generator, and what it answers.

use std::collections::BTreeMap;

use super::{Constraint, GenerationError};
use crate::reading::AdapterId;

/// How to choose tokens and when to stop.
#[derive(Debug, Clone)]
pub struct GenerationOptions {
    /// Most tokens to generate.
    pub max_tokens: usize,
    /// 0 always takes the most probable token; higher is more varied.
    pub temperature: f64,
    /// Only the most probable tokens whose probabilities add up to this are sampled (Holtzman et al. 2020).
    pub top_p: f64,
    /// Only so many of the most probable tokens are sampled.
    pub top_k: Option<usize>,
    /// Taken off the logit of every token that was generated before.
    pub presence_penalty: f64,
    /// Taken off the logit of a token for each time that it was generated before.
    pub frequency_penalty: f64,
    /// Added to the logits of these tokens.
    pub logit_bias: BTreeMap<u32, f64>,
    /// Seed of the sampling. Requests beside it change nothing but how sums are rounded: a backend may sum
    /// one row and many in different orders.
    pub seed: u64,
    /// Tokens that end the text (and are not part of it).
    pub stop_tokens: Vec<u32>,
    /// Texts that end the text (and are not part of it).
    pub stop_texts: Vec<String>,
    /// Whether to say how probable each token was, and how many of the most probable ones to name.
    pub log_probabilities: Option<usize>,
}

impl Default for GenerationOptions {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            temperature: 0.0,
            top_p: 1.0,
            top_k: None,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            seed: 0,
            stop_tokens: Vec::new(),
            stop_texts: Vec::new(),
            log_probabilities: None,
        }
    }
}

impl GenerationOptions {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// Names the option and what it may be.
    pub fn validate(&self) -> Result<(), GenerationError> {
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(GenerationError::Temperature(self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(GenerationError::TopP(self.top_p));
        }
        if self.top_k == Some(0) {
            return Err(GenerationError::TopK);
        }
        for (name, value) in
            [("presence penalty", self.presence_penalty), ("frequency penalty", self.frequency_penalty)]
        {
            if !value.is_finite() {
                return Err(GenerationError::Penalty { name, value });
            }
        }
        if let Some((token, value)) = self.logit_bias.iter().find(|(_, value)| !value.is_finite()) {
            return Err(GenerationError::LogitBias { token: *token, value: *value });
        }
        if self.stop_texts.iter().any(String::is_empty) {
            return Err(GenerationError::EmptyStopText);
        }
        Ok(())
    }
}

/// A prompt to be continued.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Tokens of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// The adapter to answer with.
    pub adapter: Option<AdapterId>,
    /// How to choose tokens and when to stop.
    pub options: GenerationOptions,
    /// What the text is held to.
    pub constraint: Option<Constraint>,
}

/// A request of a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop token or stop text came, or the constraint is met.
    Stop,
    /// The limit of tokens or of the model's context was reached.
    Length,
}

/// A token and how probable the model held it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenProbability {
    /// The token.
    pub token: u32,
    /// Natural logarithm of its probability among all tokens, before temperature and constraint.
    pub log_probability: f32,
}

/// A token that was generated.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedToken {
    /// The token. `None` for text that was held back until the end.
    pub token: Option<u32>,
    /// The text that it completes: empty where a character or a possible stop text is unfinished.
    pub text: String,
    /// Its probability, if asked for.
    pub probability: Option<TokenProbability>,
    /// The most probable tokens in its place, if asked for, most probable first.
    pub alternatives: Vec<TokenProbability>,
    /// How many of the latest tokens, this one included, have text that is still held back: it is given out
    /// with a later token, or not at all where it turns out to be a stop text.
    pub undecided: usize,
}

/// Something that happened to a request.
#[derive(Debug)]
pub enum Event {
    /// It has a token more.
    Token {
        /// The request.
        request: RequestId,
        /// The token.
        token: GeneratedToken,
    },
    /// It is done.
    Finished {
        /// The request.
        request: RequestId,
        /// Why.
        reason: FinishReason,
        /// Tokens of its prompt that had been read for others before it.
        reused: usize,
    },
    /// It could not be done; other requests go on.
    Failed {
        /// The request.
        request: RequestId,
        /// Why.
        error: GenerationError,
    },
}
