//! The JSON of `responses`, in and out.

mod request;
mod response;
mod stream;

pub use request::ResponseRequest;
pub use response::{
    IncompleteDetails, OutputItem, OutputText, Response, ResponseAnswer, ResponseError, ResponseUsage,
};
pub use stream::{ResponseEvent, ResponseStream};

/// What every part of one response says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// `resp_` and something unique.
    pub id: String,
    /// `msg_` and something unique: the id of what the model says.
    pub message_id: String,
    /// When it was asked for, in seconds since 1970.
    pub created_at: i64,
}
