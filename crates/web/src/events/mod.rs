//! Server-sent events that lose nothing: every event has a number, a client that comes back says the last
//! one it has, and gets what it missed before it waits for more. Where events come from, it is told.

mod last_event_id;
mod source;
mod stream;

use std::time::Duration;

use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::HeaderName;
use tokio_util::sync::CancellationToken;

use crate::guard::Standing;

pub use last_event_id::LastEventId;
pub use source::{Batch, EventSource, NumberedEvent, SourceError};

/// How streams of events behave.
#[derive(Debug, Clone, Copy)]
pub struct StreamPace {
    /// A stream without events sends a comment so often, so that proxies and clients keep it open.
    pub keep_alive: Duration,
    /// How often it is asked whether the caller may still see the events.
    pub recheck: Duration,
    /// After which time a client whose connection broke comes back.
    pub reconnect: Duration,
}

impl Default for StreamPace {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            recheck: Duration::from_secs(30),
            reconnect: Duration::from_secs(3),
        }
    }
}

/// The answer that streams what `source` has after `after`, and then what comes. It ends when the source
/// does, when the caller's `standing` no longer holds, and when the server stops. Whoever has too many of them open
/// already is refused.
pub fn event_stream(
    source: impl EventSource,
    after: LastEventId,
    standing: Standing,
    pace: StreamPace,
    shutdown: CancellationToken,
) -> Response {
    let place = match standing.stream_place() {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    let events = stream::events(source, after.number(), (standing, place), pace, shutdown);
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(pace.keep_alive)).into_response();
    // Some proxies collect an answer before they pass it on, unless they are told not to.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
