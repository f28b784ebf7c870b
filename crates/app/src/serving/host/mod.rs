//! Models kept in memory, and what is asked of them. A dispatcher decides which models are loaded; each has
//! a thread in which requests join and leave between passes. Knows nothing of processes and pipes.

mod adapters;
mod answers;
mod dispatcher;
mod eviction;
mod generating;
mod line;
mod model;
mod preparing;
mod ticket;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use gradus_engine::backend::Device;
use gradus_engine::generation::GeneratorLimits;

use self::dispatcher::{Dispatcher, Notice};
use super::protocol::{Command, Report};

/// Where a host's reports go. Called from several threads; a call that blocks holds up a model.
pub(super) type Reports = Arc<dyn Fn(Report) + Send + Sync>;

/// How much a host does at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLimits {
    /// Most memory for models, with what they keep of the texts that they read, in bytes.
    pub memory_bytes: u64,
    /// Most memory for what each model keeps of texts, in bytes.
    pub cache_bytes: usize,
    /// Most memory for the adapters of each model, in bytes.
    pub adapter_bytes: u64,
    /// Most answers of each model at once; others wait.
    pub answers_at_once: usize,
    /// Most requests that are answered or wait; further ones are refused.
    pub requests: usize,
}

impl HostLimits {
    /// Usual limits for so much memory.
    pub fn within(memory_bytes: u64) -> Self {
        let usual = GeneratorLimits::default();
        let quarter = usize::try_from(memory_bytes / 4).unwrap_or(usize::MAX);
        Self {
            memory_bytes,
            cache_bytes: usual.cache_bytes.min(quarter),
            adapter_bytes: (256 << 20).min(memory_bytes / 8),
            answers_at_once: usual.sequences,
            requests: 256,
        }
    }

    /// What a model may take beside its weights.
    fn beside_weights(self) -> u64 {
        self.adapter_bytes.saturating_add(self.cache_bytes as u64)
    }
}

/// What a host is told at its start.
#[derive(Debug, Clone, Copy)]
pub struct HostOptions {
    /// Where models run.
    pub device: Device,
    /// How much is done at once.
    pub limits: HostLimits,
}

/// Answers requests with the models that they name, several models and many requests at a time.
pub struct ModelHost {
    notices: Sender<Notice>,
}

impl ModelHost {
    /// A host without models. What happens to requests goes to `reports`, as does the host's status: once a
    /// second while there is work, and when it ends.
    pub fn start(options: HostOptions, reports: impl Fn(Report) + Send + Sync + 'static) -> Self {
        let (notices, inbox) = channel();
        let dispatcher = Dispatcher::new(options, Arc::new(reports), notices.clone());
        thread::spawn(move || dispatcher.run(&inbox));
        Self { notices }
    }

    /// Takes a command. Every request is answered with [`Report::Answer`] until its last event, unless it
    /// is cancelled.
    pub fn command(&self, command: Command) {
        // The dispatcher ends with the host alone.
        _ = self.notices.send(Notice::Command(command));
    }
}

impl Drop for ModelHost {
    /// What is being answered is answered, what waits is not; models leave as they come to rest.
    fn drop(&mut self) {
        _ = self.notices.send(Notice::Close);
    }
}
