//! The stream itself: replay, wait, look whether it should end, and again.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use gradus_domain::UserId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::StreamPace;
use super::source::{EventSource, NumberedEvent, SourceError};
use crate::guard::Standing;
use crate::places::Place;

pub(super) fn events(
    source: impl EventSource,
    after: u64,
    (standing, place): (Standing, Place<UserId>),
    pace: StreamPace,
    shutdown: CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let watch = Watch {
        source,
        last_number: after,
        ready: VecDeque::new(),
        has_said_reconnect: false,
        is_at_end: false,
        recheck_at: Instant::now() + pace.recheck,
        standing,
        _place: place,
        pace,
        shutdown,
    };
    unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    })
}

struct Watch<E> {
    source: E,
    last_number: u64,
    ready: VecDeque<NumberedEvent>,
    has_said_reconnect: bool,
    is_at_end: bool,
    recheck_at: Instant,
    standing: Standing,
    _place: Place<UserId>,
    pace: StreamPace,
    shutdown: CancellationToken,
}

impl<E: EventSource> Watch<E> {
    /// The next event; none where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        if !self.has_said_reconnect {
            self.has_said_reconnect = true;
            return Some(Event::default().retry(self.pace.reconnect));
        }
        loop {
            if self.shutdown.is_cancelled() || !self.may_still_watch().await {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                self.last_number = event.number;
                return Some(written(&event));
            }
            if self.is_at_end {
                return None;
            }
            self.read().await?;
            if self.ready.is_empty() && !self.is_at_end {
                self.wait().await;
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let shutdown = self.shutdown.clone();
        let batch = tokio::select! {
            batch = self.source.after(self.last_number) => batch,
            () = shutdown.cancelled() => return None,
        };
        match batch {
            Ok(batch) => {
                self.ready.extend(batch.events);
                self.is_at_end = batch.is_last;
                Some(())
            }
            Err(SourceError::Gone) => None,
            Err(error @ SourceError::Failed(_)) => {
                let cause = std::error::Error::source(&error);
                tracing::error!(%error, cause, "a stream of events ended early");
                None
            }
        }
    }

    async fn wait(&mut self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = self.source.changed(self.last_number) => {}
            () = sleep_until(self.recheck_at) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Asks now and then; in between, the last answer holds.
    async fn may_still_watch(&mut self) -> bool {
        if Instant::now() < self.recheck_at {
            return true;
        }
        self.recheck_at = Instant::now() + self.pace.recheck;
        let Some(caller) = self.standing.caller_now().await else { return false };
        self.source.seen_by(caller);
        true
    }
}

fn written(event: &NumberedEvent) -> Event {
    // JSON in one line: it has no line ends of its own.
    Event::default().id(event.number.to_string()).event(event.kind).data(event.data.to_string())
}
