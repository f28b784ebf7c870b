//! Generating text: many requests at once, each token by token, greedy or sampled, free or held to a
//! schema or pattern.

mod constraint;
mod error;
mod generator;
mod job;
mod prefixes;
mod request;
mod sampling;
mod schema;
mod text;

pub use constraint::{Constraint, Constraints};
pub use error::{ConstraintError, GenerationError};
pub use generator::{Generator, GeneratorLimits};
pub use request::{
    Event, FinishReason, GeneratedToken, GenerationOptions, Request, RequestId, TokenProbability,
};

use crate::adapter::Adapter;
use crate::backend::Backend;
use crate::tokenizer::Tokenizer;

/// Answers one request. `visit` is handed every token with the text that it completes, and ends the
/// generation by returning false. The adapter of the request is ignored in favour of `adapter`.
///
/// # Errors
/// Where the request cannot be answered or the backend fails.
pub fn generate(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    tokenizer: &Tokenizer,
    request: Request,
    visit: &mut dyn FnMut(&GeneratedToken) -> bool,
) -> Result<FinishReason, GenerationError> {
    let tokens = request.prompt.len().saturating_add(request.options.max_tokens);
    let tokens = tokens.min(backend.config().context_length);
    let limits = GeneratorLimits {
        sequences: 1,
        cache_bytes: tokens.saturating_mul(backend.cache_bytes_per_token()),
        ..GeneratorLimits::default()
    };
    let mut generator = Generator::new(backend, tokenizer, limits);
    let adapter = adapter.map(|adapter| generator.adapt(adapter)).transpose()?;
    generator.submit(Request { adapter, ..request })?;
    loop {
        for event in generator.step()? {
            match event {
                Event::Token { token, .. } => {
                    if !visit(&token) {
                        return Ok(FinishReason::Stop);
                    }
                }
                Event::Finished { reason, .. } => return Ok(reason),
                Event::Failed { error, .. } => return Err(error),
            }
        }
    }
}
