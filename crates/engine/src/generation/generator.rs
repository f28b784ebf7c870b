//! Many requests at once: they join and leave between passes, and each pass reads the next tokens of all.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::job::{Job, Outcome};
use super::prefixes::{Prefixes, Shared, common_prefix, worth_sharing};
use super::{Event, FinishReason, GenerationError, Request, RequestId};
use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError, check_tokens};
use crate::reading::{AdapterId, Piece, Reader};
use crate::tokenizer::Tokenizer;

/// Room to grow that a request should find when it joins, in tokens.
const ROOM_TO_GROW: usize = 64;

/// How much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeneratorLimits {
    /// Most requests that are answered at once; others wait.
    pub sequences: usize,
    /// Most tokens read in one pass: a long prompt is read in several, between which others go on.
    pub pass_tokens: usize,
    /// Most memory for keys and values, those of finished requests included, in bytes. It is taken as it
    /// is needed.
    pub cache_bytes: usize,
}

impl Default for GeneratorLimits {
    fn default() -> Self {
        Self { sequences: 16, pass_tokens: 512, cache_bytes: 512 << 20 }
    }
}

impl GeneratorLimits {
    /// The same, with memory for at least one text of so many tokens, or of as many as the model reads:
    /// whatever the model can answer is answered then, if need be one request after the other.
    #[must_use]
    pub fn with_room_for(self, tokens: usize, backend: &dyn Backend) -> Self {
        let tokens = tokens.min(backend.config().context_length);
        let cache_bytes = self.cache_bytes.max(tokens.saturating_mul(backend.cache_bytes_per_token()));
        Self { cache_bytes, ..self }
    }
}

/// Answers requests.
///
/// What was read stays in memory as long as there is room, so that a prompt that begins like an earlier
/// one is read from there on. Where memory runs out, the oldest of that is forgotten first; then the
/// request that joined last waits, and is read again later.
pub struct Generator<'a> {
    reader: Reader<'a>,
    tokenizer: &'a Tokenizer,
    limits: GeneratorLimits,
    waiting: VecDeque<Job<'a>>,
    /// In the order in which they joined.
    running: Vec<Job<'a>>,
    prefixes: Prefixes,
    next_request: u64,
    tokens_read: u64,
}

impl<'a> Generator<'a> {
    /// A generator without requests.
    pub fn new(backend: &'a mut dyn Backend, tokenizer: &'a Tokenizer, limits: GeneratorLimits) -> Self {
        let capacity = limits.cache_bytes / backend.cache_bytes_per_token().max(1);
        Self {
            reader: Reader::new(backend, capacity),
            tokenizer,
            limits,
            waiting: VecDeque::new(),
            running: Vec::new(),
            prefixes: Prefixes::default(),
            next_request: 0,
            tokens_read: 0,
        }
    }

    /// Takes over a copy of an adapter, for requests to be answered with.
    ///
    /// # Errors
    /// Where the device has too little memory.
    pub fn adapt(&mut self, adapter: &Adapter) -> Result<AdapterId, GenerationError> {
        Ok(self.reader.adapt(adapter)?)
    }

    /// Forgets an adapter, with all that was read with it.
    ///
    /// # Panics
    /// Where a request is still to be answered with it.
    pub fn release(&mut self, adapter: AdapterId) {
        let mut jobs = self.waiting.iter().chain(&self.running);
        assert!(jobs.all(|job| job.adapter != Some(adapter)), "nobody uses an adapter that is released");
        self.prefixes.forget(adapter, &mut self.reader);
        self.reader.release(adapter);
    }

    /// Takes a request in.
    ///
    /// # Errors
    /// Where its options make no sense, or its prompt is empty, has a token that the model does not have,
    /// or is too long for the model or for the memory allowed.
    pub fn submit(&mut self, request: Request) -> Result<RequestId, GenerationError> {
        request.options.validate()?;
        let (prompt, capacity) = (&request.prompt, self.reader.capacity());
        if prompt.is_empty() {
            return Err(BackendError::NothingToRead.into());
        }
        check_tokens(self.reader.config(), prompt, prompt.len())?;
        if prompt.len() > capacity {
            let (needed, free) = (prompt.len(), capacity);
            return Err(BackendError::CacheFull { needed, free, capacity }.into());
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.waiting.push_back(Job::new(id, request, self.tokenizer));
        Ok(id)
    }

    /// Forgets a request; no further event of it comes.
    pub fn cancel(&mut self, request: RequestId) {
        self.waiting.retain(|job| job.id != request);
        if let Some(index) = self.running.iter().position(|job| job.id == request) {
            let job = self.running.remove(index);
            self.retire(job);
        }
    }

    /// Whether every request is done.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Requests that are being answered, and that wait.
    pub fn load(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// Tokens that went through the model so far: what was shared is not read twice.
    pub fn tokens_read(&self) -> u64 {
        self.tokens_read
    }

    /// Reads the next tokens of all requests and says what came of it.
    ///
    /// # Errors
    /// Where the backend fails. What is wrong with one request alone is an event.
    pub fn step(&mut self) -> Result<Vec<Event>, GenerationError> {
        let mut events = Vec::new();
        self.admit(&mut events);
        let counts = self.plan(&mut events);
        let mut adapters: Vec<Option<AdapterId>> = self.running.iter().map(|job| job.adapter).collect();
        adapters.sort_unstable();
        adapters.dedup();
        let mut outcomes: Vec<Option<Outcome>> = (0..self.running.len()).map(|_| None).collect();
        for adapter in adapters {
            let chosen: Vec<usize> = (0..self.running.len())
                .filter(|index| counts[*index] > 0 && self.running[*index].adapter == adapter)
                .collect();
            if !chosen.is_empty() {
                self.read(&chosen, &counts, (&mut events, &mut outcomes))?;
            }
        }
        for (job, outcome) in std::mem::take(&mut self.running).into_iter().zip(outcomes) {
            match outcome {
                None => self.running.push(job),
                Some(outcome) => {
                    events.push(ended(&job, outcome));
                    self.retire(job);
                }
            }
        }
        Ok(events)
    }

    /// One pass over the next `counts` tokens of the chosen jobs.
    fn read(
        &mut self,
        chosen: &[usize],
        counts: &[usize],
        (events, outcomes): (&mut Vec<Event>, &mut [Option<Outcome>]),
    ) -> Result<(), GenerationError> {
        let pieces = chosen.iter().filter_map(|index| {
            let job = &self.running[*index];
            let (unread, count) = (job.unread(), counts[*index]);
            Some(Piece { sequence: job.sequence?, tokens: &unread[..count], logits: count == unread.len() })
        });
        let pieces: Vec<Piece<'_>> = pieces.collect();
        self.tokens_read += pieces.iter().map(|piece| piece.tokens.len() as u64).sum::<u64>();
        let mut logits = self.reader.read(&pieces)?;
        let config = self.reader.config();
        let (vocabulary, context) = (config.vocabulary_size, config.context_length);

        let mut jobs = Vec::with_capacity(chosen.len());
        for (index, (job, outcome)) in self.running.iter_mut().zip(outcomes).enumerate() {
            if chosen.contains(&index) {
                job.read += counts[index];
                if job.unread().is_empty() {
                    jobs.push((job, outcome));
                }
            }
        }
        let jobs = jobs.into_par_iter().zip(logits.par_chunks_mut(vocabulary)).with_max_len(1);
        let advanced: Vec<Vec<Event>> = jobs
            .map(|((job, outcome), logits)| {
                let (events, ended) = job.advance(logits, context);
                *outcome = ended;
                events
            })
            .collect();
        events.extend(advanced.into_iter().flatten());
        Ok(())
    }

    /// Lets waiting jobs join, in their order, while there is room.
    fn admit(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while index < self.waiting.len() && self.running.len() < self.limits.sequences {
            if self.waiting[index].is_over() {
                events.extend(self.waiting.remove(index).map(|job| ended(&job, Ok(FinishReason::Length))));
                continue;
            }
            if self.will_share_more(&self.waiting[index]) {
                index += 1;
                continue;
            }
            let Some(mut job) = self.waiting.remove(index) else { break };
            self.join(&mut job);
            let unread: usize = self.running.iter().map(|job| job.unread().len()).sum();
            let (capacity, needed) = (self.reader.capacity(), unread + job.unread().len() + ROOM_TO_GROW);
            if self.running.is_empty() {
                // Nobody else needs it.
                self.make_room(needed.min(capacity));
            } else if needed > capacity || !self.make_room(needed) {
                self.leave(&mut job);
                self.waiting.insert(index, job);
                break;
            }
            self.running.push(job);
        }
    }

    /// Whether a running job is about to read what this one begins with.
    fn will_share_more(&self, job: &Job<'_>) -> bool {
        let of_adapter = self.running.iter().filter(|running| running.adapter == job.adapter);
        let gain = of_adapter.map(|running| {
            let common = common_prefix(&running.tokens, &job.tokens).min(job.tokens.len() - 1);
            common.saturating_sub(running.read)
        });
        worth_sharing(gain.max().unwrap_or(0))
    }

    /// Gives a job a sequence, with what others have read of its beginning.
    fn join(&mut self, job: &mut Job<'_>) {
        // The last token is read in any case: what follows it is asked for.
        let beginning = &job.tokens[..job.tokens.len() - 1];
        let of_adapter = self.running.iter().filter(|running| running.adapter == job.adapter);
        let running = of_adapter.filter_map(|running| {
            let length = common_prefix(&running.tokens[..running.read], beginning);
            Some(Shared { sequence: running.sequence?, length })
        });
        let shared = running.chain(self.prefixes.find(job.adapter, beginning));
        let shared = shared.max_by_key(|shared| shared.length).filter(|shared| worth_sharing(shared.length));
        job.read = shared.map_or(0, |shared| shared.length);
        job.reused.get_or_insert(job.read);
        job.sequence = Some(match shared {
            Some(Shared { sequence, length }) => self.reader.fork(sequence, length),
            None => self.reader.start(job.adapter),
        });
    }

    fn leave(&mut self, job: &mut Job<'_>) {
        if let Some(sequence) = job.sequence.take() {
            self.reader.forget(sequence);
        }
        job.read = 0;
    }

    /// Forgets finished sequences until there is room for so many tokens; says whether there is.
    fn make_room(&mut self, tokens: usize) -> bool {
        while self.reader.room() < tokens {
            if !self.prefixes.evict(&mut self.reader) {
                return false;
            }
        }
        true
    }

    /// How many tokens of each running job to read now. Where memory does not suffice for one token of
    /// each, those that joined last wait again; one that does not fit alone fails.
    fn plan(&mut self, events: &mut Vec<Event>) -> Vec<usize> {
        self.make_room(self.running.len() + ROOM_TO_GROW);
        while self.reader.room() < self.running.len() {
            let Some(mut job) = self.running.pop() else { break };
            self.leave(&mut job);
            if self.running.is_empty() {
                let (free, capacity) = (self.reader.room(), self.reader.capacity());
                let error = BackendError::CacheFull { needed: job.tokens.len(), free, capacity };
                events.push(ended(&job, Err(error.into())));
            } else {
                self.waiting.push_front(job);
            }
        }
        let most = self.limits.pass_tokens.max(self.running.len()).min(self.reader.room());
        let mut left = most - self.running.len();
        let counts = self.running.iter().map(|job| {
            let count = job.unread().len().min(1 + left);
            left -= count - 1;
            count
        });
        counts.collect()
    }

    /// Keeps what a job has read, for others to begin with.
    fn retire(&mut self, mut job: Job<'_>) {
        job.tokens.truncate(job.read);
        if let Some(sequence) = job.sequence {
            self.prefixes.keep((job.adapter, job.tokens, sequence), &mut self.reader);
        }
    }
}

fn ended(job: &Job<'_>, outcome: Outcome) -> Event {
    let request = job.id;
    match outcome {
        Ok(reason) => Event::Finished { request, reason, reused: job.reused.unwrap_or(0) },
        Err(error) => Event::Failed { request, error },
    }
}
