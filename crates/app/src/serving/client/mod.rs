//! The server's side of the worker process: it is started when it is needed, ended when it is not, and
//! started again when it dies. Requests that it takes along fail at once and say why.

mod backoff;
mod process;
mod supervisor;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use self::supervisor::{Message, Supervisor};
use super::protocol::{AnswerEvent, Status};
use super::{Ask, Asker, Fault, FaultKind};

/// How the worker is run.
#[derive(Debug, Clone)]
pub struct ServingOptions {
    /// The program, usually this one.
    pub program: PathBuf,
    /// What makes it a worker.
    pub arguments: Vec<OsString>,
    /// Set in its environment beside what is there.
    pub environment: BTreeMap<OsString, OsString>,
    /// Most requests at once; further ones are refused.
    pub requests: usize,
    /// Most requests of one asker at once, so that others have room.
    pub requests_of_asker: usize,
    /// Without a request for so long, the worker is ended and its memory is free.
    pub idle: Duration,
    /// Events of an answer that wait to be fetched; an answer with more is given up.
    pub waiting_events: usize,
}

impl ServingOptions {
    /// Usual options for a worker that is run so.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().collect(),
            environment: BTreeMap::new(),
            requests: 256,
            requests_of_asker: 64,
            idle: Duration::from_secs(600),
            waiting_events: 4096,
        }
    }
}

/// How the worker is, as far as the server knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerState {
    /// The process, where it runs.
    pub process: Option<u32>,
    /// Requests that wait for an answer or its end.
    pub requests: usize,
    /// How often it ended without being asked to.
    pub crashes: u64,
    /// What it told last.
    pub status: Status,
}

/// A client of the worker. Cloned clients share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Serving {
    messages: mpsc::UnboundedSender<Message>,
    state: watch::Receiver<WorkerState>,
}

impl Serving {
    /// A client. The worker is started with the first request.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: ServingOptions) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (state, seen) = watch::channel(WorkerState::default());
        tokio::spawn(Supervisor::new(options, inbox, messages.downgrade(), state).run());
        Self { messages, state: seen }
    }

    /// Asks for an answer.
    ///
    /// # Errors
    /// Where too many requests are on their way, of this asker or of all, the worker cannot be started, or the server
    /// is being stopped. All else comes with the answer.
    pub async fn ask(&self, asker: Asker, ask: Ask) -> Result<Answering, Fault> {
        let (reply, answer) = oneshot::channel();
        let asked = self.messages.send(Message::Ask { asker, ask: Box::new(ask), reply });
        asked.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// Takes no more requests, waits until those on their way are answered, but no longer than `within`,
    /// and ends the worker.
    pub async fn drain(&self, within: Duration) {
        let (done, drained) = oneshot::channel();
        if self.messages.send(Message::Drain { within, done }).is_ok() {
            _ = drained.await;
        }
    }

    /// How the worker is.
    pub fn state(&self) -> WorkerState {
        self.state.borrow().clone()
    }
}

fn stopping() -> Fault {
    Fault::new(FaultKind::Stopping, "the server is being stopped; ask again later")
}

/// An answer as it comes. Dropping it tells the worker that nobody waits for the rest.
#[derive(Debug)]
pub struct Answering {
    id: u64,
    events: mpsc::Receiver<AnswerEvent>,
    /// Why no more events come, where the answer is not complete.
    broken: Arc<OnceLock<Fault>>,
    messages: mpsc::WeakUnboundedSender<Message>,
    is_over: bool,
}

impl Answering {
    /// What happens next; `None` once nothing more does. [`AnswerEvent::Failed`] comes as an error.
    pub async fn next(&mut self) -> Option<Result<AnswerEvent, Fault>> {
        if self.is_over {
            return None;
        }
        let event = match self.events.recv().await {
            Some(AnswerEvent::Failed(fault)) => Err(fault),
            Some(event) => Ok(event),
            None => Err(self.broken.get().cloned().unwrap_or_else(stopping)),
        };
        self.is_over = event.as_ref().map_or(true, AnswerEvent::is_last);
        Some(event)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(messages) = self.messages.upgrade()
        {
            _ = messages.send(Message::Cancel { id: self.id });
        }
    }
}
