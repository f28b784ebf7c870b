//! From a conversation to tokens: beside the thread that generates, so that a long conversation or a large
//! schema holds up nobody else's answer.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use gradus_engine::backend::BackendError;
use gradus_engine::chat::ChatError;
use gradus_engine::generation::{Constraint, GenerationError, GenerationOptions};

use super::adapters::{Adapters, HeldAdapter};
use super::model::Voice;
use super::ticket::Ticket;
use crate::serving::{Ask, Fault, FaultKind, TrainedFiles};
use crate::trained::{self, BaseModel};

/// A request that can be answered as it is.
pub(super) struct Prepared {
    pub(super) ticket: Ticket,
    pub(super) prompt: Vec<u32>,
    pub(super) adapter: Option<Arc<HeldAdapter>>,
    pub(super) options: GenerationOptions,
    pub(super) constraint: Option<Constraint>,
    pub(super) choices: usize,
}

/// Prepares requests until no more come, or nobody answers them any more. Says so where the model on disk
/// is not the one in memory.
pub(super) fn run(
    requests: Receiver<(Ask, Ticket)>,
    voice: &Voice,
    adapters: &Adapters,
    (prepared, is_stale): (&Sender<Prepared>, &dyn Fn()),
) {
    for (ask, ticket) in requests {
        if ticket.is_cancelled() {
            continue;
        }
        if let Err(fault) = check_weights(&ask, voice) {
            is_stale();
            ticket.fail(fault);
            continue;
        }
        match prepare(ask, voice, adapters, &ticket) {
            Err(fault) => ticket.fail(fault),
            Ok(parts) => {
                let Parts { prompt, adapter, options, constraint, choices } = parts;
                let request = Prepared { ticket, prompt, adapter, options, constraint, choices };
                if prepared.send(request).is_err() {
                    return;
                }
            }
        }
    }
}

/// Models are held by their path, and what is there may have been replaced.
fn check_weights(ask: &Ask, voice: &Voice) -> Result<(), Fault> {
    match &ask.model.base_digest {
        Some(digest) if *digest != voice.fingerprint => {
            let message = format!(
                "{} had other weights than the model that was asked for when it was read; it is read anew for the next request: fetch the model again if that does not help",
                voice.name
            );
            Err(Fault::new(FaultKind::Model, message))
        }
        _ => Ok(()),
    }
}

struct Parts {
    prompt: Vec<u32>,
    adapter: Option<Arc<HeldAdapter>>,
    options: GenerationOptions,
    constraint: Option<Constraint>,
    choices: usize,
}

fn prepare(ask: Ask, voice: &Voice, adapters: &Adapters, ticket: &Ticket) -> Result<Parts, Fault> {
    let prompt = prompt(&ask, voice)?;
    let options = options(&ask, voice, prompt.len());
    options.validate()?;
    let constraint = ask.format.as_ref().map(|format| format.constraint(voice.constraints()?)).transpose();
    let constraint = constraint.map_err(GenerationError::from)?;
    let trained = ask.model.trained.as_ref();
    let get = |files| adapters.get(files, || ticket.is_cancelled(), || read(files, voice));
    let adapter = trained.map(get).transpose()?;
    Ok(Parts { prompt, adapter, options, constraint, choices: ask.choices })
}

fn prompt(ask: &Ask, voice: &Voice) -> Result<Vec<u32>, Fault> {
    let template = voice.chat_template.as_ref().ok_or_else(|| {
        let message = "the model has no chat template, so it cannot answer conversations";
        Fault::new(FaultKind::Conversation, message)
    })?;
    let prompt = template.prompt(&voice.tokenizer, &ask.messages);
    let prompt = prompt.map_err(|error: ChatError| Fault::new(FaultKind::Conversation, error.to_string()))?;
    let (length, context) = (prompt.len(), voice.context);
    if length > context {
        return Err(GenerationError::from(BackendError::TooLong { length, context }).into());
    }
    Ok(prompt)
}

fn options(ask: &Ask, voice: &Voice, prompt: usize) -> GenerationOptions {
    let sampling = &ask.sampling;
    // The last token of an answer is chosen and not read.
    let room = voice.context + 1 - prompt;
    GenerationOptions {
        max_tokens: sampling.max_tokens.unwrap_or(room).min(room),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: None,
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        logit_bias: sampling.logit_bias.clone(),
        seed: sampling.seed,
        stop_tokens: voice.stop_tokens.clone(),
        stop_texts: sampling.stop.clone(),
        log_probabilities: sampling.log_probabilities,
    }
}

fn read(files: &TrainedFiles, voice: &Voice) -> Result<gradus_engine::adapter::Adapter, Fault> {
    let Voice { name, fingerprint, config, .. } = voice;
    let model = trained::load_onto(&files.directory, BaseModel { name, fingerprint, config });
    let adapter = model.map_err(|error| Fault::of_model(&error))?.adapter;
    if files.digest.as_ref().is_some_and(|digest| *digest != adapter.fingerprint()) {
        let message = format!(
            "{} holds other parameters than the model that was asked for: restore its files or train it again",
            files.directory.display()
        );
        return Err(Fault::new(FaultKind::Model, message));
    }
    Ok(adapter)
}
