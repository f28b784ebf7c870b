//! An answer as server-sent events: one after the other as the model speaks, comments where it is silent for long, and
//! an end when the model, the client or the server ends it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use gradus_app::serving::protocol::AnswerEvent;
use gradus_app::serving::{Fault, FaultKind};
use http::HeaderValue;
use http::header::HeaderName;
use tokio_util::sync::CancellationToken;

use super::served::Answer;

/// How long a stream is silent before a comment shows that it goes on.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How one kind of answer is written as events.
pub(super) trait Wording: Send + 'static {
    /// The events that follow from one of the model's.
    fn events_of(&mut self, event: &AnswerEvent) -> Vec<Event>;
    /// The events that end a stream which fails on its way.
    fn events_of_fault(&mut self, fault: &Fault) -> Vec<Event>;
}

/// The answer that streams what has come and what is to come.
pub(super) fn stream(
    (first, answer): (AnswerEvent, Answer),
    mut wording: impl Wording,
    shutdown: CancellationToken,
) -> Response {
    let is_over = first.is_last();
    let ready = wording.events_of(&first).into();
    let speech = Speech { answer, wording, ready, is_over, shutdown };
    let events = unfold(speech, |mut speech| async {
        let event = speech.next().await?;
        Some((Ok::<_, Infallible>(event), speech))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Some proxies collect an answer before they pass it on, unless they are told not to.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

struct Speech<W> {
    answer: Answer,
    wording: W,
    ready: VecDeque<Event>,
    is_over: bool,
    shutdown: CancellationToken,
}

impl<W: Wording> Speech<W> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            let next = tokio::select! {
                next = self.answer.next() => next,
                () = self.shutdown.cancelled() => Err(Fault::new(FaultKind::Stopping, "the server is being stopped")),
            };
            match next {
                Ok(event) => {
                    self.is_over = event.is_last();
                    self.ready.extend(self.wording.events_of(&event));
                }
                Err(fault) => {
                    self.is_over = true;
                    self.ready.extend(self.wording.events_of_fault(&fault));
                }
            }
        }
    }
}
