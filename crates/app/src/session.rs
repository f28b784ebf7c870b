//! How long work talks to whoever asked for it: what happens goes out, the wish to stop comes in.

use gradus_domain::Clock;
use gradus_engine::training::TrainEvent;

use crate::Error;

/// Whoever watches long work. Every method does nothing unless overridden.
pub trait Watcher {
    /// A new part of the work begins.
    fn stage(&mut self, _title: &str) {}

    /// Something worth knowing, in a sentence.
    fn note(&mut self, _message: &str) {}

    /// Something that may need a person's attention, in a sentence.
    fn warning(&mut self, _message: &str) {}

    /// How far the current part is: `done` of `total` of `unit`.
    fn progress(&mut self, _done: u64, _total: Option<u64>, _unit: &str) {}

    /// Something happened in a training run.
    fn training(&mut self, _event: &TrainEvent) {}
}

/// What every long service call needs from outside.
pub struct Session<'a> {
    /// Told what happens.
    pub watcher: &'a mut dyn Watcher,
    /// True once the work should stop at the next safe place.
    pub stop: &'a dyn Fn() -> bool,
    /// Where the time comes from.
    pub clock: &'a dyn Clock,
}

impl Session<'_> {
    /// [`Error::Interrupted`] once the work should stop.
    pub fn check(&self) -> Result<(), Error> {
        if (self.stop)() { Err(Error::Interrupted) } else { Ok(()) }
    }
}
