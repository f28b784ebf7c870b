//! Generating text: many requests at once, each token by token, greedy or sampled, free or held to a
//! schema or pattern.

mod constraint;
mod error;
mod generator;
mod job;
mod penalties;
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
