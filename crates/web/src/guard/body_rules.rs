//! Which bodies a route takes.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Method};

use super::BodyPace;
use crate::problem::{Category, Problem};

/// What holds for the bodies of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyRules {
    /// The media types; none where no body is read.
    pub(crate) accepts: Vec<Cow<'static, str>>,
    pub(crate) max_bytes: u64,
    pub(crate) pace: BodyPace,
}

/// What callers may send where a route says nothing else.
const MOST_OF_CALLERS: u64 = 2 * 1024 * 1024;
/// What anyone may send, of whom nothing is known: names, passwords and codes are shorter.
const MOST_OF_STRANGERS: u64 = 16 * 1024;

impl BodyRules {
    /// The rules of a route that says nothing of bodies.
    pub(crate) fn usual(has_callers: bool) -> Self {
        let max_bytes = if has_callers { MOST_OF_CALLERS } else { MOST_OF_STRANGERS };
        Self { accepts: Vec::new(), max_bytes, pace: BodyPace::default() }
    }

    /// Refuses by the headers alone what need not be read: too long a body, or one of a kind that the route
    /// does not take. The kinds that a form of another site can send are so kept from routes for JSON.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.max_bytes) {
            return Err(too_large(self.max_bytes));
        }
        let has_body = length.is_some_and(|length| length > 0) || headers.contains_key(TRANSFER_ENCODING);
        if method.is_safe() || !has_body || self.takes(media_type(headers)) {
            return Ok(());
        }
        Err(Problem::new(Category::UnsupportedMediaType, self.hint()))
    }

    fn takes(&self, kind: &str) -> bool {
        if self.accepts.is_empty() {
            // Client libraries send an empty JSON object where nothing is read.
            return kind.eq_ignore_ascii_case("application/json");
        }
        self.accepts.iter().any(|accepted| accepted == "*/*" || accepted.eq_ignore_ascii_case(kind))
    }

    fn hint(&self) -> String {
        match self.accepts.as_slice() {
            [] => "This address reads no body. Send none.".to_owned(),
            kinds => format!("Send the body with `Content-Type: {}`.", kinds.join("` or `")),
        }
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

/// The problem of a body longer than `max_bytes`.
pub(crate) fn too_large(max_bytes: u64) -> Problem {
    let detail = format!("The body is larger than the {max_bytes} bytes that are allowed here.");
    Problem::new(Category::TooLarge, detail)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn category(rules: &BodyRules, lines: &[(&'static str, &'static str)]) -> Option<Category> {
        let headers =
            lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        rules.check(&Method::POST, &headers.collect()).err().map(|problem| problem.category())
    }

    fn json() -> BodyRules {
        BodyRules { accepts: vec!["application/json".into()], max_bytes: 10, ..BodyRules::usual(true) }
    }

    #[test]
    fn only_the_kinds_of_the_route_are_taken() {
        let of_kind = |kind| category(&json(), &[("content-length", "2"), ("content-type", kind)]);
        assert_eq!(of_kind("application/json; charset=utf-8"), None);
        assert_eq!(of_kind("Application/JSON"), None);
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""]
        {
            assert_eq!(of_kind(kind), Some(Category::UnsupportedMediaType), "{kind}");
        }
        let chunked = [("transfer-encoding", "chunked"), ("content-type", "text/plain")];
        assert_eq!(category(&json(), &chunked), Some(Category::UnsupportedMediaType));
    }

    #[test]
    fn a_declared_length_is_checked_before_a_byte_is_read() {
        let of_length =
            |length| category(&json(), &[("content-length", length), ("content-type", "application/json")]);
        assert_eq!(of_length("10"), None);
        assert_eq!(of_length("11"), Some(Category::TooLarge));
    }

    #[test]
    fn a_route_without_a_body_takes_an_empty_one_and_idle_json() {
        let none = BodyRules::usual(true);
        assert_eq!(category(&none, &[("content-type", "text/plain")]), None);
        assert_eq!(category(&none, &[("content-length", "2"), ("content-type", "application/json")]), None);
        assert_eq!(
            category(&none, &[("content-length", "2"), ("content-type", "text/plain")]),
            Some(Category::UnsupportedMediaType)
        );
    }
}
