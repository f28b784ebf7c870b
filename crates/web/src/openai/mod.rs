//! OpenAI's API as its clients speak it. `chat` and `responses` turn requests into what is asked of a model, and what the
//! model answers into whole answers and streams, and know nothing else; `answers`, `files`, `fine_tuning` and `models`
//! are the handlers over the services; `routes` says who may use them.

mod answers;
pub mod chat;
mod failure;
mod fields;
pub mod files;
pub mod fine_tuning;
mod format;
mod ids;
mod list;
mod logprobs;
mod messages;
mod metadata;
pub mod models;
mod refusal;
pub mod responses;
mod routes;
mod sampling;
mod unsupported;

pub use list::{List, Listed};
pub use logprobs::{TokenLogprob, TopLogprob};
pub use refusal::{ErrorBody, ErrorDetail, Refusal, RefusalClass};
pub use routes::routes;
