//! What can be wrong with a request for text.

use crate::backend::BackendError;

/// Why text was not generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The mathematics could not be done.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Nonsense as a temperature.
    #[error("the temperature is {0}: it must be 0 (always the most probable token) or more")]
    Temperature(f64),
    /// Nonsense as a share of the probability.
    #[error("top-p is {0}: it must be above 0 and at most 1 (all tokens)")]
    TopP(f64),
    /// No token to choose from.
    #[error("top-k is 0: it must be at least 1, or be left out for all tokens")]
    TopK,
    /// Nonsense as a penalty.
    #[error("the {name} is {value}: it must be a finite number (0 for none)")]
    Penalty {
        /// Which.
        name: &'static str,
        /// As given.
        value: f64,
    },
    /// Nonsense as a bias.
    #[error("the logit bias of token {token} is {value}: it must be a finite number")]
    LogitBias {
        /// The token.
        token: u32,
        /// As given.
        value: f64,
    },
    /// Would stop everything at once.
    #[error("a stop text is empty: leave it out or write where the text should end")]
    EmptyStopText,
    /// What the text is held to.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
}

/// Why a text cannot be held to something.
#[derive(Debug, thiserror::Error)]
pub enum ConstraintError {
    /// A schema that nothing satisfies, or that says something unsupported.
    #[error("the JSON schema cannot be used: at {place}: {reason}")]
    Schema {
        /// JSON pointer into the schema.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A regular expression that cannot be read.
    #[error("the regular expression cannot be used: {0}")]
    Regex(String),
    /// A grammar that cannot be read.
    #[error("the grammar cannot be used: {0}")]
    Grammar(String),
    /// The tokens cannot be arranged by their bytes.
    #[error("the model's tokens cannot be held to a constraint: {0}")]
    Vocabulary(String),
    /// The text took the constraint somewhere it cannot follow.
    #[error("the constraint became too complex for the text so far: {0}; simplify it")]
    TooComplex(String),
    /// Nothing can follow, and the text is not complete.
    #[error(
        "no token of the model can continue the text as the constraint asks: the model may lack characters that it needs, or a token that ends a text"
    )]
    NoToken,
}
