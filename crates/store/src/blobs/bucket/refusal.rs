//! What a place answered when it did not do as asked, cut down to what a person needs. The full answer of a
//! server repeats parts of the request, so it is not passed on.

use std::error::Error;
use std::fmt;
use std::io;

use http::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};

use crate::blobs::error::is_transient;

/// Codes of S3 that mean "later", whatever the status beside them.
const LATER: [&str; 4] = ["RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"];

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: String,
    transient: bool,
    about_the_bucket: bool,
}

impl Refusal {
    pub(in crate::blobs) fn of(error: &object_store::Error) -> Self {
        if let Some(failed) = cause::<HttpError>(error) {
            return Self::no_answer(failed);
        }
        // An answer that was an error is known by its text alone.
        let last = innermost(error);
        if let Some(status) = status_in(&last) {
            return Self::answer(status, &last);
        }
        let transient = cause::<io::Error>(error).is_some_and(is_transient);
        Self { reason: error.to_string(), transient, about_the_bucket: false }
    }

    /// The server answered, but with an error: a document with a code and a message.
    pub(super) fn answer(status: StatusCode, body: &str) -> Self {
        let code = element(body, "Code");
        let reason = match (code, element(body, "Message")) {
            (Some(code), Some(message)) => format!("the server answered {code}: {message}"),
            (Some(code), None) => format!("the server answered {code}"),
            _ => format!("the server answered {status}"),
        };
        Self {
            reason,
            transient: status.is_server_error() || code.is_some_and(|code| LATER.contains(&code)),
            about_the_bucket: code == Some("NoSuchBucket"),
        }
    }

    /// There was no answer, or not all of it.
    pub(super) fn no_answer(error: &HttpError) -> Self {
        let transient = !matches!(error.kind(), HttpErrorKind::Decode | HttpErrorKind::Unknown);
        Self { reason: innermost(error), transient, about_the_bucket: false }
    }

    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), transient: false, about_the_bucket: false }
    }

    /// Whether the same request may succeed a little later.
    pub(in crate::blobs) fn is_transient(&self) -> bool {
        self.transient
    }

    /// Whether what is missing is the bucket itself.
    pub(in crate::blobs) fn is_about_the_bucket(&self) -> bool {
        self.about_the_bucket
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if self.about_the_bucket {
            f.write_str("; make the bucket, or correct its name")?;
        }
        Ok(())
    }
}

/// The first error of that type among an error and what caused it.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The cause of all others, which is the one with a reason in it: "Connection refused", "UnknownIssuer".
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// The status that the object store read, as it writes it before the body of the answer.
fn status_in(text: &str) -> Option<StatusCode> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The text of the first element of that name.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &str = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
        <Message>Check your key.</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";

    #[test]
    fn an_answer_is_cut_down_to_its_code_and_message() {
        let refusal = Refusal::answer(StatusCode::FORBIDDEN, DENIED);
        assert_eq!(refusal.to_string(), "the server answered SignatureDoesNotMatch: Check your key.");
        assert!(!refusal.is_transient());
    }

    #[test]
    fn an_answer_without_a_document_is_told_by_its_status() {
        let refusal = Refusal::answer(StatusCode::BAD_GATEWAY, "<html>nginx</html>");
        assert_eq!(refusal.to_string(), "the server answered 502 Bad Gateway");
        assert!(refusal.is_transient());
    }

    #[test]
    fn a_server_that_asks_for_patience_is_asked_again() {
        let body = "<Error><Code>RequestTimeout</Code></Error>";
        assert!(Refusal::answer(StatusCode::BAD_REQUEST, body).is_transient());
    }

    #[test]
    fn a_missing_bucket_is_told_apart_from_a_missing_blob() {
        let bucket = Refusal::answer(StatusCode::NOT_FOUND, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(bucket.is_about_the_bucket());
        assert!(bucket.to_string().ends_with("make the bucket, or correct its name"));
        let key = Refusal::answer(StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>");
        assert!(!key.is_about_the_bucket());
    }

    #[test]
    fn without_an_answer_the_innermost_reason_is_told() {
        let inner = io::Error::other("Connection refused");
        let error = HttpError::new(HttpErrorKind::Connect, io::Error::other(inner));
        let refusal = Refusal::no_answer(&error);
        assert!(refusal.to_string().contains("Connection refused"), "{refusal}");
        assert!(refusal.is_transient());
    }
}
