//! The header that has the key. Knows nothing of what is done under it.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::problem::{Category, FieldProblem, Problem};

/// The header that has the key.
pub(crate) const KEY_HEADER: &str = "idempotency-key";
const MOST_KEY_BYTES: usize = 255;

/// The key of a request, where it has one. Handlers that see to it themselves take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestKey(pub(super) Option<String>);

impl RequestKey {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut lines = headers.get_all(KEY_HEADER).iter();
        let Some(line) = lines.next() else { return Ok(Self(None)) };
        let is_plain = |key: &&str| {
            (1..=MOST_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let key = line.to_str().ok().filter(is_plain);
        match key.filter(|_| lines.next().is_none()) {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Problem::new(Category::Malformed, "The idempotency key cannot be read.")
                .with_code("bad_idempotency_key")
                .with_field(FieldProblem::new(
                    "header.idempotency-key",
                    format!("must be one line of 1 to {MOST_KEY_BYTES} plain characters without spaces"),
                ))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn key(lines: &[&'static [u8]]) -> Result<RequestKey, Problem> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(KEY_HEADER, HeaderValue::from_bytes(line).unwrap());
        }
        RequestKey::of(&headers)
    }

    #[test]
    fn a_key_is_one_plain_line() {
        assert_eq!(key(&[]), Ok(RequestKey(None)));
        assert_eq!(key(&[b"a-1"]), Ok(RequestKey(Some("a-1".to_owned()))));
        let long: &'static [u8] = &[b'x'; 256];
        for lines in [&[&b""[..]][..], &[b"a b"], &[b"\xff"], &[b"a", b"b"], &[long]] {
            assert_eq!(key(lines).unwrap_err().code(), "bad_idempotency_key");
        }
    }
}
