//! What a caller is told when something fails. Handlers return a [`Problem`]; the net around all routes
//! writes it as the reader of the address expects: problem+json (RFC 9457), OpenAI's error, or text.

mod body_failure;
mod category;
mod extract;
mod field;
mod from_accounts;
mod from_services;
mod net;
mod openai;
mod rendered;
mod surface;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use gradus_domain::failure::{Category as FailureCategory, Failure, Severity};
use http::HeaderValue;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};

pub use body_failure::{BodyFailure, BodyTimeout};
pub use category::Category;
pub use extract::{ApiJson, ApiPath, ApiQuery};
pub use field::FieldProblem;
pub(crate) use net::catch_problems;
pub use rendered::ProblemDocument;
pub use surface::Surface;

/// A failure as a caller is told it. What they may not read of it is logged where the problem is made, and kept beside it
/// for the record of failures, which administrators read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    category: Category,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    fields: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    /// What went wrong in the server; written into no answer.
    failure: Option<Box<Failure>>,
}

impl Problem {
    /// A problem whose `detail` says what happened and what to do next.
    pub fn new(category: Category, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            category,
            code: category.code().into(),
            detail: detail.into(),
            fields: Vec::new(),
            retry_after_s: None,
            failure: None,
        }
    }

    /// A problem of which nothing more is said than its kind.
    #[must_use]
    pub fn general(category: Category) -> Self {
        Self::new(category, category.general_detail())
    }

    /// Logs `error` as what went wrong here, and tells the caller nothing of it.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::failed(FailureCategory::Internal, error)
    }

    /// As [`Problem::internal`], where it is known whose move it is.
    pub(crate) fn failed(category: FailureCategory, error: &(dyn std::error::Error + 'static)) -> Self {
        let message = full_message(error);
        tracing::error!(error = %message, "a request failed");
        Self::general(Category::Internal).with_failure(category, message)
    }

    /// With what went wrong in the server.
    pub(crate) fn with_failure(mut self, category: FailureCategory, message: String) -> Self {
        let failure = Failure { category, severity: Severity::Error, is_transient: false, message };
        self.failure = Some(Box::new(failure));
        self
    }

    /// What went wrong in the server, if something did.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }

    /// With a code that says more than the category's.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// With one more field that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: FieldProblem) -> Self {
        self.fields.push(field);
        self
    }

    /// With the number of seconds after which trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn category(&self) -> Category {
        self.category
    }

    /// The stable name for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened and what to do next.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn fields(&self) -> &[FieldProblem] {
        &self.fields
    }
}

impl IntoResponse for Problem {
    /// The status and the problem itself; the body is written by the net, which knows the request.
    fn into_response(self) -> Response {
        let mut response = self.category.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.category == Category::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gradus\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// An error's words as a sentence: errors begin small and end without a full stop.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let end = if words.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// An error with all its causes in one line.
fn full_message(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    // One line in the log, whatever the error holds.
    message.replace(['\r', '\n'], " ")
}
