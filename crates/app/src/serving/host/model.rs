//! One base model with its adapters, from loading to leaving, in a thread of its own.

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use gradus_engine::adapter::{LoraConfig, Method};
use gradus_engine::backend::cpu::BaseWeights;
use gradus_engine::chat::ChatTemplate;
use gradus_engine::config::ModelConfig;
use gradus_engine::generation::{ConstraintError, Constraints, GeneratorLimits};
use gradus_engine::tokenizer::Tokenizer;

use super::adapters::Adapters;
use super::dispatcher::{Life, Notice};
use super::generating::Generating;
use super::ticket::Ticket;
use super::{HostLimits, HostOptions, preparing};
use crate::runtime::Runtime;
use crate::serving::{Ask, Fault, FaultKind};

/// What a model's thread is given.
pub(super) struct Start {
    pub(super) life: Life,
    pub(super) options: HostOptions,
    pub(super) requests: Receiver<(Ask, Ticket)>,
    pub(super) notices: Sender<Notice>,
    pub(super) counters: Arc<Counters>,
}

/// What a model has done, for its status.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) generated: AtomicU64,
    pub(super) read: AtomicU64,
    pub(super) answering: AtomicUsize,
}

impl Counters {
    /// Tokens generated and read.
    pub(super) fn tokens(&self) -> (u64, u64) {
        (self.generated.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }

    /// Requests that are being answered.
    pub(super) fn running(&self) -> usize {
        self.answering.load(Ordering::Relaxed)
    }
}

/// A base model but for its mathematics: all that turns a conversation into tokens.
pub(super) struct Voice {
    pub(super) name: String,
    pub(super) fingerprint: String,
    pub(super) config: ModelConfig,
    pub(super) tokenizer: Tokenizer,
    pub(super) chat_template: Option<ChatTemplate>,
    pub(super) stop_tokens: Vec<u32>,
    /// Most tokens of a conversation with its answer: what the model reads, and what there is memory for.
    pub(super) context: usize,
    constraints: OnceLock<Result<Constraints, String>>,
}

impl Voice {
    /// Made when the first answer is to be held to something.
    pub(super) fn constraints(&self) -> Result<&Constraints, ConstraintError> {
        let made = self.constraints.get_or_init(|| {
            let vocabulary = self.config.vocabulary_size;
            Constraints::new(&self.tokenizer, vocabulary, &self.stop_tokens).map_err(|error| match error {
                ConstraintError::Vocabulary(reason) => reason,
                other => other.to_string(),
            })
        });
        made.as_ref().map_err(|reason| ConstraintError::Vocabulary(reason.clone()))
    }
}

/// Says that the model takes no more requests, when it is dropped: after a panic too.
struct Leaving {
    life: Life,
    notices: Sender<Notice>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        _ = self.notices.send(Notice::Gone { life: self.life.clone() });
    }
}

/// Loads the model and answers with it until no more requests come.
pub(super) fn run(start: Start) {
    let Start { life, options, requests, notices, counters } = start;
    let leaving = Leaving { life: life.clone(), notices: notices.clone() };
    let runtime = match load(&life.base, options) {
        Ok((runtime, bytes)) => {
            _ = notices.send(Notice::Loaded { life, bytes });
            runtime
        }
        Err(fault) => {
            drop(leaving);
            // Until the dispatcher knows.
            return requests.into_iter().for_each(|(_, ticket)| ticket.fail(fault.clone()));
        }
    };
    let (voice, mut backend) = split(runtime, options.limits);
    let adapters = Adapters::new(options.limits.adapter_bytes);
    let limits = GeneratorLimits {
        sequences: options.limits.answers_at_once,
        cache_bytes: options.limits.cache_bytes,
        ..GeneratorLimits::default()
    };
    let (voice, adapters) = (&voice, &adapters);
    let is_stale = {
        let (life, notices) = (leaving.life.clone(), leaving.notices.clone());
        move || _ = notices.send(Notice::Gone { life: life.clone() })
    };
    thread::scope(|scope| {
        // The other thread ends once the dispatcher has forgotten the model, and not before.
        let _leaving = leaving;
        let (prepared, inbox) = channel();
        scope.spawn(move || preparing::run(requests, voice, adapters, (&prepared, &is_stale)));
        let mut generating = Generating::new(backend.as_mut(), voice, limits, &counters);
        generating.run(&inbox, adapters);
    });
}

fn split(runtime: Runtime, limits: HostLimits) -> (Voice, Box<dyn gradus_engine::backend::Backend>) {
    let stop_tokens = runtime.stop_tokens();
    let Runtime { name, fingerprint, config, tokenizer, chat_template, backend, .. } = runtime;
    let room = limits.cache_bytes / backend.cache_bytes_per_token().max(1);
    let context = config.context_length.min(room);
    let constraints = OnceLock::new();
    let voice =
        Voice { name, fingerprint, config, tokenizer, chat_template, stop_tokens, context, constraints };
    (voice, backend)
}

/// The model, and how many bytes it takes.
fn load(path: &Path, options: HostOptions) -> Result<(Runtime, u64), Fault> {
    let name = path.display().to_string();
    let runtime = Runtime::load(&name, path, options.device, BaseWeights::default())
        .map_err(|error| Fault::of_model(&error))?;
    let allowed = options.limits.memory_bytes;
    let weights = runtime.backend.weight_bytes(&Method::Lora(LoraConfig::default())).training;
    let bytes = weights + options.limits.beside_weights();
    if bytes > allowed { Err(too_large(path, bytes, allowed)) } else { Ok((runtime, bytes)) }
}

pub(super) fn too_large(path: &Path, needed: u64, allowed: u64) -> Fault {
    let (needed, allowed) = (needed.div_ceil(1 << 20), allowed >> 20);
    let message = format!(
        "the model {} needs {needed} MiB, and {allowed} MiB are allowed: allow the models more memory or choose a smaller one",
        path.display()
    );
    Fault::new(FaultKind::Memory, message)
}

/// Bytes of a model's weights as they are stored.
pub(super) fn file_bytes(path: &Path) -> Result<u64, Fault> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the model {} cannot be read: {error}; check the path", path.display());
        Fault::new(FaultKind::Model, message)
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().extension().is_some_and(|extension| extension == "safetensors") {
            bytes += entry.metadata().map_err(unreadable)?.len();
        }
    }
    Ok(bytes)
}
