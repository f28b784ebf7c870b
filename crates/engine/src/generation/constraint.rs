//! Holding text to a JSON schema, a regular expression or a grammar: which tokens may come next. The
//! parsing is llguidance's; here tokens become bytes and its answers become logits.

use std::sync::Arc;

use llguidance::api::{StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, INVALID_TOKEN, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::Value;

use super::error::ConstraintError;
use super::schema;
use crate::tokenizer::Tokenizer;

/// Makes constraints for the tokens of one model.
#[derive(Clone)]
pub struct Constraints {
    factory: Arc<ParserFactory>,
}

/// What one text is held to, and how far it is.
pub struct Constraint {
    matcher: Matcher,
}

impl Constraints {
    /// For a model with `vocabulary` tokens, of which `stop_tokens` end a text.
    ///
    /// # Errors
    /// Where the tokens cannot be arranged by their bytes.
    pub fn new(
        tokenizer: &Tokenizer,
        vocabulary: usize,
        stop_tokens: &[u32],
    ) -> Result<Self, ConstraintError> {
        let words: Vec<Vec<u8>> = (0..vocabulary as u32).map(|token| word(tokenizer, token)).collect();
        let stop_tokens: Vec<u32> =
            stop_tokens.iter().copied().filter(|token| (*token as usize) < vocabulary).collect();
        let end = stop_tokens.first().copied().unwrap_or(INVALID_TOKEN);
        let mut trie = TokTrie::from(&TokRxInfo::new(vocabulary as u32, end), &words);
        if !stop_tokens.is_empty() {
            trie = trie.with_eos_tokens(&stop_tokens);
        }
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let factory = ParserFactory::new_simple(&environment);
        let mut factory = factory.map_err(|error| ConstraintError::Vocabulary(error.to_string()))?;
        factory.quiet();
        Ok(Self { factory: Arc::new(factory) })
    }

    /// JSON that satisfies a schema, in one line.
    ///
    /// # Errors
    /// Where nothing satisfies the schema, or it says something unsupported; names the place.
    pub fn json_schema(&self, schema: &Value) -> Result<Constraint, ConstraintError> {
        let compile = |schema: &Value| self.matcher(TopLevelGrammar::from_json_schema(schema.clone()));
        match compile(&schema::in_one_line(schema)) {
            Ok(matcher) => Ok(Constraint { matcher }),
            Err(reason) => {
                let fault = schema::locate(schema, reason, &|schema| compile(schema).err());
                Err(ConstraintError::Schema { place: fault.place, reason: fault.reason })
            }
        }
    }

    /// Any JSON object.
    ///
    /// # Errors
    /// As [`Self::json_schema`].
    pub fn json_object(&self) -> Result<Constraint, ConstraintError> {
        self.json_schema(&serde_json::json!({ "type": "object" }))
    }

    /// Text that a regular expression matches as a whole (syntax of Rust's `regex`, without look-around).
    ///
    /// # Errors
    /// Where the expression cannot be read.
    pub fn regex(&self, pattern: &str) -> Result<Constraint, ConstraintError> {
        let matcher = self.matcher(TopLevelGrammar::from_regex(pattern));
        Ok(Constraint { matcher: matcher.map_err(ConstraintError::Regex)? })
    }

    /// Text of a context-free grammar in llguidance's variant of Lark.
    ///
    /// # Errors
    /// Where the grammar cannot be read.
    pub fn grammar(&self, grammar: &str) -> Result<Constraint, ConstraintError> {
        let matcher = self.matcher(TopLevelGrammar::from_lark(grammar.to_owned()));
        Ok(Constraint { matcher: matcher.map_err(ConstraintError::Grammar)? })
    }

    fn matcher(&self, grammar: TopLevelGrammar) -> Result<Matcher, String> {
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error() {
            Some(error) => Err(error),
            None => Ok(matcher),
        }
    }
}

/// The bytes of a token; those that stand for no text are marked, so that no text has them.
fn word(tokenizer: &Tokenizer, token: u32) -> Vec<u8> {
    let bytes = tokenizer.token_bytes(token).unwrap_or_default();
    if !tokenizer.is_special(token) {
        return bytes;
    }
    std::iter::once(TokTrie::SPECIAL_TOKEN_MARKER).chain(bytes).collect()
}

impl Constraint {
    /// Makes every token impossible that may not come next.
    pub(super) fn restrict(&mut self, logits: &mut [f32]) -> Result<(), ConstraintError> {
        let allowed = self.matcher.compute_mask().map_err(cannot_go_on)?;
        for (token, logit) in logits.iter_mut().enumerate() {
            if token >= allowed.len() || !allowed.get(token) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Takes the next token; true where the text is complete and nothing can follow.
    pub(super) fn accept(&mut self, token: u32) -> Result<bool, ConstraintError> {
        self.matcher.consume_token(token).map_err(cannot_go_on)?;
        Ok(self.matcher.is_stopped())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn cannot_go_on(error: impl ToString) -> ConstraintError {
    let told = error.to_string();
    // The lines below the first are llguidance's state, for those who develop it.
    let reason = told.lines().next().unwrap_or_default();
    if reason == StopReason::NoExtensionBias.to_string() {
        return ConstraintError::NoToken;
    }
    ConstraintError::TooComplex(reason.to_owned())
}

impl Clone for Constraint {
    /// With caches of its own, so that texts that are held to the same need not wait for each other.
    fn clone(&self) -> Self {
        Self { matcher: self.matcher.deep_clone() }
    }
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Constraint").finish_non_exhaustive()
    }
}
