//! The loop of one model: requests join and leave between passes. Knows tokens; what becomes of them is
//! [`Answers`]' business.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

use gradus_engine::backend::Backend;
use gradus_engine::generation::{GenerationError, Generator, GeneratorLimits, Request};

use super::adapters::Adapters;
use super::answers::Answers;
use super::line::Line;
use super::model::{Counters, Voice};
use super::preparing::Prepared;
use crate::serving::Fault;

pub(super) struct Generating<'a> {
    generator: Generator<'a>,
    answers: Answers<'a>,
    /// Requests that are not the generator's yet, which takes what it is given in that order.
    line: Line<Prepared>,
    at_once: usize,
    counters: &'a Counters,
}

impl<'a> Generating<'a> {
    pub(super) fn new(
        backend: &'a mut dyn Backend,
        voice: &'a Voice,
        limits: GeneratorLimits,
        counters: &'a Counters,
    ) -> Self {
        let (at_once, line) = (limits.sequences, Line::new());
        let generator = Generator::new(backend, &voice.tokenizer, limits);
        Self { generator, answers: Answers::new(voice, counters), line, at_once, counters }
    }

    /// Answers until no more requests come, or the mathematics fails.
    pub(super) fn run(&mut self, inbox: &Receiver<Prepared>, adapters: &Adapters) {
        while let Some(arrived) = self.arrived(inbox) {
            adapters.release(&mut self.generator);
            for request in arrived {
                self.line.join(request.ticket.asker(), request);
            }
            self.line.retain(|request| !request.ticket.is_cancelled());
            for request in self.answers.cancelled() {
                self.generator.cancel(request);
            }
            while self.has_room()
                && let Some(request) = self.line.next()
            {
                self.begin(request);
            }
            if let Err(error) = self.pass() {
                return self.fail_all(&Fault::from(error));
            }
        }
    }

    /// Requests that came since the last pass, at least one where there is nothing else to do; `None` once
    /// all is done and none will come.
    fn arrived(&self, inbox: &Receiver<Prepared>) -> Option<Vec<Prepared>> {
        let mut arrived = Vec::new();
        if self.generator.is_idle() && self.line.is_empty() {
            arrived.push(inbox.recv().ok()?);
        }
        loop {
            match inbox.try_recv() {
                Ok(request) => arrived.push(request),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Some(arrived),
            }
        }
    }

    /// Whether the generator begins what it is given with its next pass.
    fn has_room(&self) -> bool {
        let (running, waiting) = self.generator.load();
        running + waiting < self.at_once
    }

    fn fail_all(&mut self, fault: &Fault) {
        self.answers.fail_all(fault);
        while let Some(request) = self.line.next() {
            request.ticket.fail(fault.clone());
        }
    }

    fn begin(&mut self, request: Prepared) {
        match self.submit(&request) {
            Ok(requests) => self.answers.begin(request, &requests),
            Err(error) => request.ticket.fail(error.into()),
        }
        self.count();
    }

    /// One request of the generator for each choice. They share the conversation, which is read once.
    fn submit(
        &mut self,
        request: &Prepared,
    ) -> Result<Vec<gradus_engine::generation::RequestId>, GenerationError> {
        let adapter =
            request.adapter.as_ref().map(|held| held.id(&mut self.generator)).transpose()?.flatten();
        let mut submitted = Vec::with_capacity(request.choices);
        for choice in 0..request.choices as u64 {
            let mut options = request.options.clone();
            options.seed = options.seed.wrapping_add(choice);
            let (prompt, constraint) = (request.prompt.clone(), request.constraint.clone());
            match self.generator.submit(Request { prompt, adapter, options, constraint }) {
                Ok(id) => submitted.push(id),
                Err(error) => {
                    submitted.into_iter().for_each(|id| self.generator.cancel(id));
                    return Err(error);
                }
            }
        }
        Ok(submitted)
    }

    fn pass(&mut self) -> Result<(), GenerationError> {
        let events = self.generator.step()?;
        self.counters.read.store(self.generator.tokens_read(), Ordering::Relaxed);
        for event in events {
            for request in self.answers.take(event) {
                self.generator.cancel(request);
            }
        }
        self.count();
        Ok(())
    }

    fn count(&self) {
        self.counters.answering.store(self.answers.len(), Ordering::Relaxed);
    }
}
