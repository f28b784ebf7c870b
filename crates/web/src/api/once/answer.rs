//! What is kept of an answer, and what a request is told that is sent again.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::problem::{Category, Problem};

/// The header that says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What of an answer's head is kept with its body.
const KEPT_HEADERS: [HeaderName; 2] = [ETAG, LOCATION];

/// What is remembered of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// All of it.
    Answer,
    /// That it was given: it holds a secret, which is stored nowhere and shown once.
    Mark,
}

/// An answer as it is stored.
pub(super) fn kept(headers: &HeaderMap, body: &[u8], keeps: Keeps) -> Value {
    if keeps == Keeps::Mark {
        return json!({ "secret": true });
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), Value::from(value)))
    });
    json!({ "body": body, "headers": headers.collect::<Value>() })
}

/// A stored answer, given again.
pub(super) fn replay(status: u16, answer: &Value) -> Result<Response, Problem> {
    if answer["secret"] == true {
        let detail = "This request was done already. Its answer had a secret in it, which is shown once: look at the \
            list, and make another if you did not receive it.";
        return Err(Problem::new(Category::Conflict, detail).with_code("idempotency_key_answered"));
    }
    let mut response = axum::Json(&answer["body"]).into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    for name in KEPT_HEADERS {
        if let Some(value) = answer["headers"][name.as_str()].as_str().and_then(|value| value.parse().ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

pub(super) fn unfinished(wait: Duration) -> Problem {
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    let detail = format!(
        "The first request under this idempotency key is being done, or broke off. Send it again under the same key in \
         {seconds} s: it is then answered, or done if it was not."
    );
    Problem::new(Category::Conflict, detail).with_code("idempotency_key_unfinished").with_retry_after(seconds)
}

pub(super) fn lost() -> Problem {
    let detail = "This request was done already, but its answer was lost: look at the list for what it made.";
    Problem::new(Category::Conflict, detail).with_code("idempotency_key_done")
}

pub(super) fn other_request() -> Problem {
    let detail = "Another request was made under this idempotency key. Use a new key for a new request.";
    Problem::new(Category::Invalid, detail).with_code("idempotency_key_reused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_given_again_and_a_secret_is_not() {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static("/api/v1/datasets/7"));
        headers.insert("set-cookie", HeaderValue::from_static("secret"));
        let answer = kept(&headers, br#"{"id": 7}"#, Keeps::Answer);
        assert!(!answer.to_string().contains("secret"));
        let response = replay(201, &answer).unwrap();
        assert_eq!(
            (response.status(), &response.headers()[LOCATION]),
            (StatusCode::CREATED, &headers[LOCATION])
        );
        assert_eq!(response.headers()[REPLAYED], "true");
        let mark = kept(&headers, br#"{"token": "grd_secret"}"#, Keeps::Mark);
        assert!(!mark.to_string().contains("grd_secret"));
        assert_eq!(replay(201, &mark).unwrap_err().code(), "idempotency_key_answered");
    }

    #[test]
    fn when_to_come_again_is_said_in_whole_seconds_and_never_too_early() {
        for (wait_ms, told) in [(0, "1"), (1000, "1"), (1001, "2"), (19_999, "20")] {
            let response = unfinished(Duration::from_millis(wait_ms)).into_response();
            assert_eq!(response.headers()["retry-after"], told, "{wait_ms}");
        }
    }
}
