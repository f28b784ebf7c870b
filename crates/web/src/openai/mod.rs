//! OpenAI's API as its clients speak it: requests become what is asked of a model, and what the model
//! answers becomes whole answers and streams. Knows nothing of routing, users or where models are.

pub mod chat;
mod fields;
mod format;
mod logprobs;
mod messages;
mod refusal;
pub mod responses;
mod sampling;

pub use logprobs::{TokenLogprob, TopLogprob};
pub use refusal::{ErrorBody, ErrorDetail, Refusal, RefusalClass};
