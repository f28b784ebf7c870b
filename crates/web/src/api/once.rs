//! Requests that are done once however often they are sent: `Idempotency-Key`, a name that a client makes up for a
//! request, per user, remembered for a day.
//!
//! The key is noted before the work begins, and the answer is stored after it. The work runs in a task of its own, so
//! that a client who goes away finds its answer when it comes back. Only answers of success are kept: what failed
//! changed nothing, so its key is free again. If the process dies between the work and its answer, nobody knows
//! whether the work was done; the key then answers 409 (`idempotency_key_unfinished`) for a day rather than let
//! anything be done twice, and the client looks at the list of what it wanted to make.

use std::pin::Pin;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use gradus_app::store::StoreError;
use gradus_app::store::idempotency::{self, Earlier};
use gradus_domain::UserId;
use http::header::{ETAG, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::guard::SignedIn;
use crate::problem::{BodyFailure, Category, FieldProblem, Problem};
use crate::state::ServerState;

/// The header that has the key.
pub(crate) const KEY_HEADER: &str = "idempotency-key";
/// The header that says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MOST_KEY_BYTES: usize = 255;
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

/// The key of a request, where it has one. Handlers that see to it themselves take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestKey(Option<String>);

impl RequestKey {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
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

/// A handler whose requests are done once under each key.
#[derive(Clone)]
pub(crate) struct Once<H> {
    pub(crate) handler: H,
    pub(crate) keeps: Keeps,
}

impl<H, T> Handler<T, ServerState> for Once<H>
where
    H: Handler<T, ServerState>,
    T: 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: ServerState) -> Self::Future {
        Box::pin(
            async move { self.answer::<T>(request, state).await.unwrap_or_else(IntoResponse::into_response) },
        )
    }
}

impl<H> Once<H> {
    async fn answer<T>(self, request: Request, state: ServerState) -> Result<Response, Problem>
    where
        H: Handler<T, ServerState>,
        T: 'static,
    {
        let Self { handler, keeps } = self;
        let key = RequestKey::of(request.headers())?;
        if key.0.is_none() {
            return Ok(handler.call(request, state).await);
        }
        let caller = request.extensions().get::<SignedIn>().cloned();
        let Some(SignedIn(caller)) = caller else {
            return Err(Problem::general(Category::Unauthenticated));
        };
        let (parts, body) = request.into_parts();
        // The route's limits hold the body within bounds.
        let body =
            to_bytes(body, usize::MAX).await.map_err(|error| Problem::from(BodyFailure::of(&error)))?;
        let said = format!("{} {}", parts.method, parts.uri);
        let request_hash = fingerprint(&[said.as_bytes(), &body]);
        let request = Request::from_parts(parts, Body::from(body));
        let at_work = state.clone();
        let work = async move { handler.call(request, at_work).await };
        once(&state, caller.user, key, request_hash, keeps, work).await
    }
}

/// What tells a request from others under the same key.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// Does `work` if nothing was done under the key yet, and otherwise tells what came of it. Without a key, just does it.
pub(crate) async fn once(
    state: &ServerState,
    user: UserId,
    key: RequestKey,
    request_hash: String,
    keeps: Keeps,
    work: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, Problem> {
    let Some(name) = key.0 else { return Ok(work.await) };
    let begun = name.clone();
    let begin = state
        .services
        .store
        .write(move |change| async move { idempotency::begin(&change, user, &begun, &request_hash).await });
    match begin.await {
        Ok(Earlier::First) => {}
        Ok(Earlier::Answered { status, answer }) => return replay(status, &answer),
        // Of two that begin at once, one is the first.
        Ok(Earlier::Unanswered) | Err(StoreError::AlreadyThere { .. }) => return Err(unfinished()),
        Ok(Earlier::Other) => return Err(other_request()),
        Err(error) => return Err(error.into()),
    }
    let settling = Settling { state: state.clone(), user, name, keeps };
    let done = tokio::spawn(async move { settling.settle(work.await).await }.in_current_span()).await;
    done.unwrap_or_else(|failure| match failure.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Problem::general(Category::Unavailable)),
    })
}

struct Settling {
    state: ServerState,
    user: UserId,
    name: String,
    keeps: Keeps,
}

impl Settling {
    /// Stores an answer of success, and frees the key of any other.
    async fn settle(self, response: Response) -> Result<Response, Problem> {
        let (user, name, store) = (self.user, self.name, self.state.services.store);
        if !response.status().is_success() {
            let freed =
                store.write(move |change| async move { idempotency::release(&change, user, &name).await });
            if let Err(error) = freed.await {
                tracing::warn!(%error, "an idempotency key could not be freed");
            }
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
        let (status, answer) = (parts.status.as_u16(), kept(&parts.headers, &body, self.keeps));
        let stored = store.write(move |change| async move {
            idempotency::answer(&change, user, &name, status, answer).await
        });
        if let Err(error) = stored.await {
            // What was asked for is done, so that its sender is told; only a repetition is not.
            tracing::warn!(%error, "an answer under an idempotency key could not be stored");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

fn kept(headers: &HeaderMap, body: &[u8], keeps: Keeps) -> Value {
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

fn replay(status: u16, answer: &Value) -> Result<Response, Problem> {
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

fn unfinished() -> Problem {
    let detail = "The first request under this idempotency key is being done, or broke off. If it is not done in a \
        minute, look at the list of what it was to make, and use another key to make it.";
    Problem::new(Category::Conflict, detail).with_code("idempotency_key_unfinished")
}

fn other_request() -> Problem {
    let detail = "Another request was made under this idempotency key. Use a new key for a new request.";
    Problem::new(Category::Invalid, detail).with_code("idempotency_key_reused")
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn parts_of_a_request_cannot_be_shifted_into_one_another() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }

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
}
