//! Where a run was computed, stretch by stretch. Another device or other instructions round differently,
//! so a run that goes on elsewhere is one of its own; it is allowed, and told.

use std::path::{Path, PathBuf};

use gradus_engine::training::TrainEvent;
use serde::{Deserialize, Serialize};

use crate::{Error, files};

const FILE: &str = "devices.json";

/// A part of a run that was computed on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    /// Updates that had been made when it began.
    after_step: u64,
    /// The device with its instructions and its precision.
    device: String,
}

/// The devices of a run, kept in its directory.
pub(crate) struct DeviceLog {
    path: PathBuf,
    stretches: Vec<Stretch>,
    /// Where it runs now.
    device: String,
    /// Whether something was computed since the start.
    computed: bool,
    failed: Option<Error>,
}

impl DeviceLog {
    /// That of the run in `directory`, which is about to go on on `device`.
    pub(crate) fn open(directory: &Path, device: String) -> Result<Self, Error> {
        let path = directory.join(FILE);
        let stretches = if path.exists() {
            serde_json::from_slice(&files::read(&path)?).map_err(|error| Error::Format {
                path: path.clone(),
                expected: "the list of devices of a training run",
                reason: format!("{error}; delete it if you need not know where the run was computed"),
            })?
        } else {
            Vec::new()
        };
        Ok(Self { path, stretches, device, computed: false, failed: None })
    }

    /// Takes note of what happens; returns what a person has to know.
    pub(crate) fn note(&mut self, event: &TrainEvent) -> Option<String> {
        match event {
            TrainEvent::Started { step, total_steps, .. } if step < total_steps => self.warning(*step),
            TrainEvent::MicroBatch { step, done, .. } if !self.computed => {
                self.computed = true;
                self.record(*step, *done == 1);
                None
            }
            _ => None,
        }
    }

    fn warning(&self, step: u64) -> Option<String> {
        let (before, now) = (&self.stretches.last()?.device, &self.device);
        (before != now && step > 0).then(|| {
            format!(
                "The {step} updates made so far were computed on {before}; the rest will be on {now}. Their sums are rounded differently, so the result will not be the same to the last bit as that of a run on either. To go back, stop now with Ctrl-C and run the command as before, with the same --device, GRADUS_CPU and kind of processor"
            )
        })
    }

    /// The first work since the start: what was computed after the checkpoint that it goes on from is void.
    fn record(&mut self, step: u64, whole_update: bool) {
        let mut stretches = self.stretches.clone();
        stretches
            .retain(|stretch| stretch.after_step < step || (stretch.after_step == step && !whole_update));
        if stretches.last().is_none_or(|last| last.device != self.device) {
            stretches.push(Stretch { after_step: step, device: self.device.clone() });
        }
        if stretches != self.stretches {
            self.stretches = stretches;
            self.failed = files::write_json(&self.path, &self.stretches, "a list of devices").err();
        }
    }

    /// Whether the list could not be written, so that the run should end.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Where the whole run was computed, for its record.
    pub(crate) fn close(self) -> Result<String, Error> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(told(&self.stretches)),
        }
    }
}

fn told(stretches: &[Stretch]) -> String {
    let unknown = stretches.first().is_none_or(|first| first.after_step > 0);
    let unknown = unknown.then(|| "not recorded".to_owned());
    let known = stretches.iter().map(|Stretch { after_step, device }| match after_step {
        0 => device.clone(),
        step => format!("after step {step} {device}"),
    });
    unknown.into_iter().chain(known).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A start at `step`, and micro-batches of one update from the one with number `first` on.
    fn run(directory: &Path, device: &str, step: u64, first: usize) -> (Option<String>, String) {
        let mut log = DeviceLog::open(directory, device.to_owned()).unwrap();
        let started = TrainEvent::Started { step, total_steps: 9, trainable_parameters: 1 };
        let warning = log.note(&started);
        for done in first..4 {
            assert_eq!(log.note(&TrainEvent::MicroBatch { step, done, of: 3 }), None);
        }
        (warning, log.close().unwrap())
    }

    #[test]
    fn a_run_on_one_device_is_recorded_without_a_word() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(run(place.path(), "cpu (a)", 0, 1), (None, "cpu (a)".into()));
        assert_eq!(run(place.path(), "cpu (a)", 5, 1), (None, "cpu (a)".into()));
    }

    #[test]
    fn a_change_of_device_is_warned_of_and_recorded() {
        let place = tempfile::tempdir().unwrap();
        run(place.path(), "cpu (a)", 0, 1);
        let (warning, recorded) = run(place.path(), "cpu (b)", 5, 2);
        let warning = warning.unwrap();
        assert!(warning.contains("5 updates") && warning.contains("cpu (a)"), "{warning}");
        assert!(warning.contains("cpu (b)") && warning.contains("To go back"), "{warning}");
        assert_eq!(recorded, "cpu (a); after step 5 cpu (b)");
        // Nothing of it is left where the run goes on from before it.
        assert_eq!(run(place.path(), "cpu (a)", 5, 1).1, "cpu (a)");
        // Micro-batches of an update that both had a part in stay.
        run(place.path(), "cpu (b)", 6, 1);
        let both = "cpu (a); after step 6 cpu (b); after step 6 cpu (a)";
        assert_eq!(run(place.path(), "cpu (a)", 6, 2).1, both);
    }

    #[test]
    fn what_a_run_of_an_earlier_version_did_not_record_is_not_made_up() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(run(place.path(), "cpu (a)", 4, 1), (None, "not recorded; after step 4 cpu (a)".into()));
        // A run that begins anew in its place owes nothing to it.
        assert_eq!(run(place.path(), "cpu (b)", 0, 1).1, "cpu (b)");
    }
}
