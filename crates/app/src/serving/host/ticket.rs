//! A request's right to an answer: whoever holds its ticket tells what happens to it. A ticket that is lost
//! says so itself, so that no request waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use super::Reports;
use super::dispatcher::Notice;
use crate::serving::protocol::{AnswerEvent, Report};
use crate::serving::{Asker, Fault, FaultKind};

pub(super) struct Ticket {
    id: u64,
    asker: Asker,
    reports: Reports,
    notices: Sender<Notice>,
    cancelled: Arc<AtomicBool>,
    ended: bool,
}

impl Ticket {
    pub(super) fn new((id, asker): (u64, Asker), reports: Reports, notices: Sender<Notice>) -> Self {
        Self { id, asker, reports, notices, cancelled: Arc::default(), ended: false }
    }

    /// The request's number.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Who asks.
    pub(super) fn asker(&self) -> Asker {
        self.asker
    }

    /// Set where nobody waits for the answer any more.
    pub(super) fn cancellation(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Tells what happened; nothing after the last event, or where nobody waits.
    pub(super) fn tell(&mut self, event: AnswerEvent) {
        if self.ended || self.is_cancelled() {
            return;
        }
        self.ended = event.is_last();
        (self.reports)(Report::Answer { id: self.id, event });
    }

    /// The end of a request that cannot be answered.
    pub(super) fn fail(mut self, fault: Fault) {
        self.tell(AnswerEvent::Failed(fault));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell(AnswerEvent::Failed(Fault::new(
            FaultKind::Failed,
            "the model stopped before the answer was complete; ask again",
        )));
        _ = self.notices.send(Notice::Done { id: self.id });
    }
}
