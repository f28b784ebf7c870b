//! The task that owns the worker: it hands requests over and events back, and decides when the process
//! lives.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::backoff::wait_after;
use super::process::Process;
use super::{Answering, ServingOptions, WorkerState, stopping};
use crate::serving::protocol::{AnswerEvent, Command, Report};
use crate::serving::{Ask, Asker, Fault, FaultKind};

/// What clients ask of the supervisor.
#[derive(Debug)]
pub(super) enum Message {
    Ask { asker: Asker, ask: Box<Ask>, reply: oneshot::Sender<Result<Answering, Fault>> },
    Cancel { id: u64 },
    Drain { within: Duration, done: oneshot::Sender<()> },
}

/// Where the events of an answer go.
struct Waiting {
    asker: Asker,
    events: mpsc::Sender<AnswerEvent>,
    broken: Arc<OnceLock<Fault>>,
}

impl Waiting {
    /// No more events come, for that reason.
    fn break_off(self, fault: Fault) {
        _ = self.broken.set(fault);
    }
}

pub(super) struct Supervisor {
    options: ServingOptions,
    inbox: mpsc::UnboundedReceiver<Message>,
    messages: mpsc::WeakUnboundedSender<Message>,
    state: watch::Sender<WorkerState>,
    process: Option<Process>,
    waiting: BTreeMap<u64, Waiting>,
    next_id: u64,
    /// Crashes since the last answer that was complete.
    crashes: u32,
    /// The worker is not started before.
    not_before: Instant,
    /// Since when nobody waits.
    idle_since: Instant,
    drain: Option<(Instant, Vec<oneshot::Sender<()>>)>,
}

/// What can happen next.
enum Next {
    Message(Option<Message>),
    Report(Option<Report>),
    Idle,
    DrainedLongEnough,
}

impl Supervisor {
    pub(super) fn new(
        options: ServingOptions,
        inbox: mpsc::UnboundedReceiver<Message>,
        messages: mpsc::WeakUnboundedSender<Message>,
        state: watch::Sender<WorkerState>,
    ) -> Self {
        let now = Instant::now();
        Self {
            options,
            inbox,
            messages,
            state,
            process: None,
            waiting: BTreeMap::new(),
            next_id: 0,
            crashes: 0,
            not_before: now,
            idle_since: now,
            drain: None,
        }
    }

    /// Until the last client is gone, or the drain is done.
    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Message(None) | Next::DrainedLongEnough => break,
                Next::Message(Some(message)) => self.take(message),
                Next::Report(Some(report)) => self.pass_on(report),
                Next::Report(None) => self.crashed().await,
                Next::Idle => self.rest(),
            }
            self.tell();
            if self.drain.is_some() && self.waiting.is_empty() {
                break;
            }
        }
        self.stop().await;
    }

    async fn next(&mut self) -> Next {
        let is_running = self.process.is_some();
        let idle = is_running && self.waiting.is_empty();
        let idle = idle.then(|| self.idle_since + self.options.idle);
        let drained = self.drain.as_ref().map(|(deadline, _)| *deadline);
        let report = async {
            match &mut self.process {
                Some(process) => process.report().await,
                None => pending().await,
            }
        };
        tokio::select! {
            message = self.inbox.recv() => Next::Message(message),
            report = report => Next::Report(report),
            () = until(idle) => Next::Idle,
            () = until(drained) => Next::DrainedLongEnough,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ask { asker, ask, reply } => {
                let answering = self.ask(asker, ask);
                // Where the asker has gone meanwhile, this drops the answer, which cancels it.
                _ = reply.send(answering);
            }
            Message::Cancel { id } => {
                if self.waiting.remove(&id).is_some() {
                    self.cancel(id);
                }
            }
            Message::Drain { within, done } => {
                let deadline = Instant::now() + within;
                let (earliest, waiting) = self.drain.get_or_insert((deadline, Vec::new()));
                *earliest = deadline.min(*earliest);
                waiting.push(done);
            }
        }
    }

    fn ask(&mut self, asker: Asker, ask: Box<Ask>) -> Result<Answering, Fault> {
        if self.drain.is_some() {
            return Err(stopping());
        }
        let most = self.options.requests;
        if self.waiting.len() >= most {
            let message = format!("{most} requests are being answered or wait already; ask again later");
            return Err(Fault::new(FaultKind::Busy, message));
        }
        let most = self.options.requests_of_asker;
        if self.waiting.values().filter(|waiting| waiting.asker == asker).count() >= most {
            let message =
                format!("{most} requests of yours are being answered or wait already; ask again later");
            return Err(Fault::new(FaultKind::Share, message));
        }
        self.ensure_process()?;
        let id = self.next_id;
        self.next_id += 1;
        let (events, receiver) = mpsc::channel(self.options.waiting_events.max(1));
        let broken = Arc::new(OnceLock::new());
        self.waiting.insert(id, Waiting { asker, events, broken: Arc::clone(&broken) });
        self.command(Command::Ask { id, asker, ask });
        Ok(Answering { id, events: receiver, broken, messages: self.messages.clone(), is_over: false })
    }

    fn ensure_process(&mut self) -> Result<(), Fault> {
        if self.process.is_some() {
            return Ok(());
        }
        let wait = self.not_before.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            let message = format!(
                "the process that holds the models ended {} times in a row; it is started again in {} s",
                self.crashes,
                wait.as_secs() + 1
            );
            return Err(Fault::new(FaultKind::Lost, message));
        }
        match Process::start(&self.options) {
            Ok(process) => {
                self.process = Some(process);
                Ok(())
            }
            Err(error) => {
                self.count_crash();
                let message = format!("the process that holds the models cannot be started: {error}");
                Err(Fault::new(FaultKind::Lost, message))
            }
        }
    }

    fn pass_on(&mut self, report: Report) {
        let (id, event) = match report {
            Report::Answer { id, event } => (id, event),
            Report::Status(status) => {
                self.state.send_modify(|state| state.status = status);
                return;
            }
        };
        // Events of cancelled requests may still be on their way.
        let Some(waiting) = self.waiting.get(&id) else { return };
        let is_last = event.is_last();
        if matches!(event, AnswerEvent::Ended { .. }) {
            self.crashes = 0;
        }
        let sent = waiting.events.try_send(event);
        if sent.is_ok() && !is_last {
            return;
        }
        let waiting = self.waiting.remove(&id);
        if let (Err(TrySendError::Full(_)), Some(waiting)) = (sent, waiting) {
            let message = "the answer was not fetched as fast as it came, and was given up";
            waiting.break_off(Fault::new(FaultKind::Slow, message));
            self.cancel(id);
        }
        self.note_rest();
    }

    /// The worker ended by itself. Nothing that it was asked will be answered.
    async fn crashed(&mut self) {
        let Some(process) = self.process.take() else { return };
        let how = match process.end().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.count_crash();
        self.state.send_modify(|state| {
            state.crashes += 1;
            state.status = Default::default();
        });
        let message = format!("the process that holds the models ended unexpectedly ({how}); ask again");
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            waiting.break_off(Fault::new(FaultKind::Lost, message.clone()));
        }
        self.note_rest();
    }

    fn count_crash(&mut self) {
        self.crashes = self.crashes.saturating_add(1);
        self.not_before = Instant::now() + wait_after(self.crashes);
    }

    fn cancel(&mut self, id: u64) {
        self.command(Command::Cancel { id });
        self.note_rest();
    }

    fn command(&self, command: Command) {
        if let Some(process) = &self.process {
            process.command(command);
        }
    }

    fn note_rest(&mut self) {
        if self.waiting.is_empty() {
            self.idle_since = Instant::now();
        }
    }

    /// Ends the worker while nobody needs it. It ends aside: the next request starts another one.
    fn rest(&mut self) {
        if let Some(process) = self.process.take() {
            tokio::spawn(process.end());
        }
        self.state.send_modify(|state| state.status = Default::default());
    }

    fn tell(&self) {
        let process = self.process.as_ref().and_then(Process::id);
        let requests = self.waiting.len();
        self.state.send_if_modified(|state| {
            let changed = (state.process, state.requests) != (process, requests);
            (state.process, state.requests) = (process, requests);
            changed
        });
    }

    async fn stop(mut self) {
        self.inbox.close();
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            waiting.break_off(stopping());
        }
        if let Some(process) = self.process.take() {
            _ = process.end().await;
        }
        self.tell();
        for done in self.drain.map(|(_, waiting)| waiting).into_iter().flatten() {
            _ = done.send(());
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
