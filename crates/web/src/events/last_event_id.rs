//! Where in a stream a client left off.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::problem::{Category, FieldProblem, Problem};

/// The number of the last event that a client has, from the header `Last-Event-ID` that browsers send when
/// they come back, or from `?after=` of a client that begins in the middle. Without either, none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastEventId(Option<u64>);

impl LastEventId {
    /// The number; 0 is before the first event.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.unwrap_or(0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(header) = parts.headers.get("last-event-id") {
            let number = header.to_str().ok().and_then(number);
            return number.map(|number| Self(Some(number))).ok_or_else(|| problem("header.last-event-id"));
        }
        let query = parts.uri.query().unwrap_or_default();
        match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after") {
            Some((_, value)) => match number(&value) {
                Some(number) => Ok(Self(Some(number))),
                None => Err(problem("query.after")),
            },
            None => Ok(Self(None)),
        }
    }
}

/// Digits alone, and no more than a database's whole number holds.
fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_digits)?;
    (number <= i64::MAX as u64).then_some(number)
}

fn problem(field: &str) -> Problem {
    Problem::new(
        Category::Malformed,
        "The number of the last event is not a number. Leave it out to begin anew.",
    )
    .with_code("bad_event_id")
    .with_field(FieldProblem::new(field, "is not a whole number from 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_are_read() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("42"), Some(42));
        for text in ["", "-1", "+1", "1.5", "abc", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }
}
