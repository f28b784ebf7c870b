//! Progress for people on standard error, and for scripts as JSON lines on standard output.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use gradus_app::Watcher;
use gradus_app::engine::training::TrainEvent;
use gradus_app::preflight::duration;
use serde_json::json;

use crate::interrupt;

/// Prints a line on standard error.
pub(crate) fn line(text: &str) {
    _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks the person at the terminal; false where there is none, or they do not say yes.
pub(crate) fn agrees(question: &str) -> bool {
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if !(stdin.is_terminal() && stderr.is_terminal()) {
        return false;
    }
    let mut answer = String::new();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let said = asked.and_then(|()| stdin.read_line(&mut answer)).is_ok();
    // A wish to stop, while the question stood there, is a no.
    said && !interrupt::requested() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// How often a progress line changes on a terminal, and how often one is printed into a log.
const ON_TERMINAL: Duration = Duration::from_millis(100);
const IN_LOG: Duration = Duration::from_secs(10);

/// Progress for a person.
#[derive(Debug, Default)]
pub(crate) struct Console {
    part: Option<Part>,
    training: Training,
}

/// A stretch of work with a progress line.
#[derive(Debug)]
struct Part {
    began: Instant,
    /// What was done already when it began.
    first: u64,
    shown: Option<Instant>,
    /// Characters on the terminal's current line.
    on_line: usize,
}

/// What the training line shows between two events.
#[derive(Debug, Default)]
struct Training {
    total_steps: u64,
    loss: Option<f64>,
    validation: Option<f64>,
    /// Tokens and seconds of recent updates, for a rate that follows the machine.
    rate: Option<f64>,
    step_seconds: Option<f64>,
}

impl Console {
    /// Ends the current progress line.
    pub(crate) fn finish(&mut self) {
        if self.part.take().is_some_and(|part| part.on_line > 0) {
            line("");
        }
    }

    /// Shows `text` as the progress line, unless one was shown a moment ago and `last` is false.
    fn show(&mut self, first: u64, last: bool, text: impl FnOnce(&Part) -> String) {
        let terminal = std::io::stderr().is_terminal();
        let part =
            self.part.get_or_insert_with(|| Part { began: Instant::now(), first, shown: None, on_line: 0 });
        let pause = if terminal { ON_TERMINAL } else { IN_LOG };
        if !last && part.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        part.shown = Some(Instant::now());
        let text = text(part);
        if terminal {
            let width = text.chars().count();
            _ = write!(std::io::stderr(), "\r  {text}{}", " ".repeat(part.on_line.saturating_sub(width)));
            _ = std::io::stderr().flush();
            part.on_line = width;
        } else {
            line(&format!("  {text}"));
        }
        if last {
            self.finish();
        }
    }

    fn sentence(&mut self, text: &str) {
        self.finish();
        line(&format!("  {text}"));
    }

    fn step(&mut self, event: &TrainEvent) {
        let TrainEvent::Step { step, total_steps, epoch, loss, tokens, seconds, .. } = event else { return };
        let smooth = |old: Option<f64>, new: f64| old.map_or(new, |old| 0.8 * old + 0.2 * new);
        let training = &mut self.training;
        training.loss = Some(smooth(training.loss, *loss));
        training.rate = Some(smooth(training.rate, *tokens as f64 / seconds.max(1e-9)));
        training.step_seconds = Some(smooth(training.step_seconds, *seconds));
        let left = training.step_seconds.unwrap_or(0.0) * (total_steps - step) as f64;
        let mut text = format!(
            "step {step}/{total_steps}  epoch {epoch:.1}  loss {:.3}  {:.0} tokens/s  {} left",
            training.loss.unwrap_or(*loss),
            training.rate.unwrap_or(0.0),
            duration(left),
        );
        if let Some(validation) = training.validation {
            text.push_str(&format!("  validation {validation:.3}"));
        }
        self.show(*step, step == total_steps, |_| text);
    }
}

impl Watcher for Console {
    fn stage(&mut self, title: &str) {
        self.finish();
        line(title);
    }

    fn note(&mut self, message: &str) {
        self.sentence(message);
    }

    fn warning(&mut self, message: &str) {
        self.sentence(&format!("warning: {message}"));
    }

    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        let last = total == Some(done);
        // What was there at the first report says nothing of the speed.
        self.show(done, last, |part| progress_line(part, done, total, unit));
    }

    fn training(&mut self, event: &TrainEvent) {
        match event {
            TrainEvent::Started { step, total_steps, trainable_parameters } => {
                self.training = Training { total_steps: *total_steps, ..Training::default() };
                let parameters = *trainable_parameters as f64 / 1e6;
                let from = match step {
                    0 => String::new(),
                    step if step == total_steps => "; already done".to_owned(),
                    step => format!("; going on from the checkpoint at step {step}"),
                };
                self.sentence(&format!(
                    "{parameters:.1} million parameters to train, {total_steps} steps{from}"
                ));
            }
            TrainEvent::Step { .. } => self.step(event),
            TrainEvent::Evaluated { loss, .. } => self.training.validation = Some(*loss),
            TrainEvent::CheckpointRefused { path, reason } => {
                self.warning(&format!("{} is damaged ({reason}); the one before it is used", path.display()));
            }
            // On a terminal the line of the step before stays until the next; in a first, long step this
            // shows that something happens.
            TrainEvent::MicroBatch { step: 0, done, of } if done < of => {
                let total = self.training.total_steps;
                self.show(0, false, |_| format!("step 1/{total}: part {done} of {of}"));
            }
            TrainEvent::MicroBatch { .. } | TrainEvent::CheckpointSaved { .. } => {}
        }
    }
}

fn progress_line(part: &Part, done: u64, total: Option<u64>, unit: &str) -> String {
    let rate = (done - part.first.min(done)) as f64 / part.began.elapsed().as_secs_f64().max(1e-3);
    let amount = |count: u64| match unit {
        "bytes" => format!("{:.1} MB", count as f64 / 1e6),
        unit => format!("{count} {unit}"),
    };
    let speed =
        if unit == "bytes" { format!("{:.1} MB/s", rate / 1e6) } else { format!("{rate:.1} {unit}/s") };
    match total {
        Some(total) if rate > 0.0 => {
            let left = duration((total.saturating_sub(done)) as f64 / rate);
            format!("{} of {}  {speed}  {left} left", amount(done), amount(total))
        }
        Some(total) => format!("{} of {}", amount(done), amount(total)),
        None => format!("{}  {speed}", amount(done)),
    }
}

/// Progress for a script.
pub(crate) struct JsonLines;

impl JsonLines {
    fn event(value: &serde_json::Value) {
        crate::output::print(value.to_string());
    }
}

impl Watcher for JsonLines {
    fn stage(&mut self, title: &str) {
        Self::event(&json!({ "event": "stage", "title": title }));
    }

    fn note(&mut self, message: &str) {
        Self::event(&json!({ "event": "note", "message": message }));
    }

    fn warning(&mut self, message: &str) {
        Self::event(&json!({ "event": "warning", "message": message }));
    }

    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        Self::event(&json!({ "event": "progress", "done": done, "total": total, "unit": unit }));
    }

    fn training(&mut self, event: &TrainEvent) {
        if let Ok(value) = serde_json::to_value(event) {
            Self::event(&value);
        }
    }
}
