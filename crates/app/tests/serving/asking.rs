//! A host whose reports are kept, and answers put together from them.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gradus_app::engine::backend::Device;
use gradus_app::engine::chat::{Message, Role};
use gradus_app::engine::cpu::{self, Level};
use gradus_app::serving::protocol::{AnswerEvent, Command, EndReason, Report, ScoredToken, Status, Usage};
use gradus_app::serving::{Ask, Asker, Fault, HostLimits, HostOptions, ModelHost, Sampling, ServedModel};

use crate::models;

/// Longer than anything here takes, on a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of a request.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) prompt_tokens: usize,
    pub(crate) fingerprint: String,
    pub(crate) choices: BTreeMap<usize, Choice>,
    pub(crate) usage: Option<Usage>,
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) pieces: Vec<String>,
    pub(crate) tokens: Vec<ScoredToken>,
    pub(crate) reason: Option<EndReason>,
}

impl Answer {
    /// The text of the first choice.
    pub(crate) fn text(&self) -> String {
        self.choices.get(&0).map(|choice| choice.pieces.concat()).unwrap_or_default()
    }

    fn take(&mut self, event: AnswerEvent) {
        assert!(self.usage.is_none() && self.fault.is_none(), "nothing follows the last event: {event:?}");
        match event {
            AnswerEvent::Accepted { prompt_tokens, fingerprint } => {
                assert_eq!(self.fingerprint, "", "accepted once");
                (self.prompt_tokens, self.fingerprint) = (prompt_tokens, fingerprint);
            }
            AnswerEvent::Piece { choice, text, tokens } => {
                assert_ne!(self.fingerprint, "", "accepted first");
                let choice = self.choices.entry(choice).or_default();
                assert_eq!(choice.reason, None, "no text after the end");
                choice.pieces.push(text);
                choice.tokens.extend(tokens);
            }
            AnswerEvent::ChoiceEnded { choice, reason } => {
                self.choices.entry(choice).or_default().reason = Some(reason);
            }
            AnswerEvent::Ended { usage } => self.usage = Some(usage),
            AnswerEvent::Failed(fault) => self.fault = Some(fault),
        }
    }

    fn is_over(&self) -> bool {
        self.usage.is_some() || self.fault.is_some()
    }
}

pub(crate) struct Asking {
    host: ModelHost,
    reports: Receiver<Report>,
    pub(crate) answers: BTreeMap<u64, Answer>,
    pub(crate) status: Option<Status>,
}

/// Enough for one tiny model and its texts.
pub(crate) fn limits() -> HostLimits {
    HostLimits {
        memory_bytes: 64 << 20,
        cache_bytes: 8 << 20,
        adapter_bytes: 8 << 20,
        answers_at_once: 16,
        requests: 64,
    }
}

impl Asking {
    pub(crate) fn new(limits: HostLimits) -> Self {
        // Rounding in bf16 may make a text part from itself when others join.
        cpu::force(Level::Portable).unwrap();
        let (sender, reports) = channel();
        let host = ModelHost::start(HostOptions { device: Device::Cpu, limits }, move |report| {
            _ = sender.send(report);
        });
        Self { host, reports, answers: BTreeMap::new(), status: None }
    }

    pub(crate) fn ask(&self, id: u64, ask: Ask) {
        self.ask_for(Asker::default(), id, ask);
    }

    pub(crate) fn ask_for(&self, asker: Asker, id: u64, ask: Ask) {
        self.host.command(Command::Ask { id, asker, ask: Box::new(ask) });
    }

    pub(crate) fn cancel(&self, id: u64) {
        self.host.command(Command::Cancel { id });
    }

    /// Takes the next report; the request that it is about.
    pub(crate) fn next(&mut self) -> Option<u64> {
        match self.reports.recv_timeout(PATIENCE).unwrap() {
            Report::Answer { id, event } => {
                self.answers.entry(id).or_default().take(event);
                Some(id)
            }
            Report::Status(status) => {
                self.status = Some(status);
                None
            }
        }
    }

    /// Goes on until a request is done.
    pub(crate) fn finish(&mut self, id: u64) -> Answer {
        while !self.answers.get(&id).is_some_and(Answer::is_over) {
            self.next();
        }
        self.answers[&id].clone()
    }

    /// Asks and waits.
    pub(crate) fn answer(&mut self, id: u64, ask: Ask) -> Answer {
        self.ask(id, ask);
        self.finish(id)
    }

    /// Asks what has to fail.
    pub(crate) fn fault(&mut self, id: u64, ask: Ask) -> Fault {
        let answer = self.answer(id, ask);
        answer.fault.unwrap_or_else(|| unreachable!("it was answered: {:?}", answer.choices))
    }

    /// The status that is told once there is nothing left to do.
    pub(crate) fn status_at_rest(&mut self) -> Status {
        loop {
            self.status = None;
            self.next();
            if let Some(status) = self.status.clone().filter(|status| status.running + status.waiting == 0) {
                return status;
            }
        }
    }
}

/// A question to the tiny model, with so many tokens of answer.
pub(crate) fn question(text: &str, max_tokens: usize, seed: u64) -> Ask {
    let sampling = Sampling { max_tokens: Some(max_tokens), temperature: 1.0, seed, ..Sampling::default() };
    Ask {
        model: ServedModel::base(models::base()),
        messages: vec![Message::new(Role::User, text)],
        choices: 1,
        sampling,
        format: None,
    }
}
