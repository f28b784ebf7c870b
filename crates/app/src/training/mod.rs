//! Training: data to sequences (`prepare`), preflight, the run, and the trained model on disk.

mod judgement;
mod prepare;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use gradus_domain::Clock;
use gradus_engine::backend::{Backend, Device};
use gradus_engine::preflight::{Preflight, preflight as look_ahead};
use gradus_engine::training::{
    Checkpoints, FinishedRun, Run, Selection, StopReason, TrainEvent, TrainingPlan, run,
};
use gradus_grading::calibration::WantedAgreement;
use gradus_grading::prompt::template_hash;

pub use prepare::{PreparedData, TrainingSource, prepare};

use crate::devices::DeviceLog;
use crate::encoding::ROOM_FOR_VERDICTS;
use crate::runtime::Runtime;
use crate::trained::{self, Purpose, RunSummary, TrainedManifest, TrainedModel, is_taught_by};
use crate::{Error, Session, Watcher, preflight};

/// Looks at everything a run will need. Problems that would make it fail or teach nothing are errors.
pub fn check(prepared: &PreparedData, plan: &TrainingPlan, runtime: &Runtime) -> Result<Preflight, Error> {
    let found = look_ahead(runtime.backend.as_ref(), plan, &prepared.data);
    let context = runtime.config.context_length;
    let row = |index: usize| prepared.rows.get(index).map_or("", String::as_str);
    let lengths = prepared.data.validation.iter().map(|sequence| sequence.tokens.len());
    // Calibration asks for every verdict, not for the known one alone.
    let room = if prepared.purpose == Purpose::Marking { ROOM_FOR_VERDICTS } else { 0 };
    let too_long_validation =
        prepared.validation_rows.iter().zip(lengths).filter(|(_, tokens)| *tokens + room > context);
    let too_long = found.too_long.iter().map(|(index, tokens)| (row(*index), *tokens));
    let long = too_long.chain(too_long_validation.map(|(row, tokens)| (row.as_str(), tokens))).map(|(row, tokens)| {
        format!(
            "{row}: {tokens} tokens, but the model reads at most {context}; shorten the text, or use a model with a longer context"
        )
    });
    let unlabelled = found.without_label.iter().map(|index| {
        format!("{}: there is nothing to learn from it; give it a mark or an assistant's answer", row(*index))
    });
    let mut problems: Vec<String> = long.chain(unlabelled).collect();
    problems
        .extend(plan.problems().iter().map(|(field, message)| format!("training plan: {field} {message}")));
    if prepared.data.train.is_empty() {
        problems.push("there are no training examples: check the splits of the dataset".into());
    }
    if problems.is_empty() { Ok(found) } else { Err(Error::Preflight { problems }) }
}

/// A run to be made or resumed.
pub struct TrainingRequest<'a> {
    /// The data.
    pub prepared: &'a PreparedData,
    /// The hyperparameters.
    pub plan: &'a TrainingPlan,
    /// The trained model to start from, where it is not the base model alone.
    pub start: Option<&'a TrainedModel>,
    /// Holds `checkpoints/` and, in the end, `model/`.
    pub directory: &'a Path,
    /// What is promised of answers that are marked without a person's look. No part of the run's identity.
    pub wanted: WantedAgreement,
    /// Which step's parameters become the model. No part of the run's identity: a finished run can be
    /// asked again for another.
    pub selection: Selection,
}

/// What is promised of answers that are marked without a person's look, where nobody said.
pub const USUAL_AGREEMENT: WantedAgreement = WantedAgreement { agreement: 0.9, level: 0.95 };

/// The step that becomes the model where nobody chose: with early stopping the best one, which that is
/// about; for marking otherwise the last.
pub fn default_selection(purpose: Purpose, plan: &TrainingPlan) -> Selection {
    if purpose == Purpose::Marking && plan.patience == 0 { Selection::Last } else { Selection::BestLoss }
}

/// Where in a run's directory the trained model will be.
pub fn model_directory(directory: &Path) -> PathBuf {
    directory.join("model")
}

impl TrainingRequest<'_> {
    /// Examples of orders to the marker that the model will have seen.
    fn orders(&self) -> usize {
        self.prepared.orders + self.start.map_or(0, |start| start.manifest.orders)
    }

    /// Says what a person should know before the run begins: what it needs, and what it cannot teach.
    pub fn announce(&self, needs: &Preflight, device: Device, watcher: &mut dyn Watcher) {
        watcher.note(&preflight::describe(needs, self.plan, device));
        preflight::warning(needs, self.plan, device).iter().for_each(|warning| watcher.warning(warning));
        if self.prepared.purpose == Purpose::Marking && !is_taught_by(self.orders()) {
            watcher.note(
                "Too few synthetic answers speak to the marker for the model to learn to tell such from genuine \
                 ones: have more training answers, or make more synthetic ones.",
            );
        }
    }

    /// Where the checkpoints are.
    fn checkpoints(&self, runtime: &Runtime) -> Checkpoints {
        Checkpoints::new(self.directory.join("checkpoints"), self.fingerprint(runtime))
    }

    /// Plan, data, base model and start: whatever changes one of them makes it another run. The device does not:
    /// another machine may have to take a run over, which [`DeviceLog`] records.
    fn fingerprint(&self, runtime: &Runtime) -> String {
        let plan = serde_json::to_string(self.plan).unwrap_or_default();
        let mut parts = vec![plan, self.prepared.data.fingerprint(), runtime.fingerprint.clone()];
        parts.extend(self.start.map(|start| start.adapter.fingerprint()));
        blake3::hash(parts.join("\n").as_bytes()).to_hex().to_string()
    }
}

/// Trains, from the last checkpoint where there is one, and writes the trained model.
///
/// # Errors
/// [`Error::Paused`] where the session asked to stop; the state is saved then.
pub fn train(
    request: &TrainingRequest<'_>,
    runtime: &mut Runtime,
    session: &mut Session<'_>,
) -> Result<TrainedModel, Error> {
    let checkpoints = request.checkpoints(runtime);
    let devices = RefCell::new(DeviceLog::open(request.directory, runtime.device.describe())?);
    let watcher = &mut *session.watcher;
    let mut events = |event: &TrainEvent| {
        watcher.training(event);
        let warning = devices.borrow_mut().note(event);
        warning.iter().for_each(|warning| watcher.warning(warning));
    };
    let stop = || devices.borrow().has_failed() || (session.stop)();
    let backend: &mut dyn Backend = runtime.backend.as_mut();
    let start = request.start.map(|start| &start.adapter);
    let parts = Run { plan: request.plan, data: &request.prepared.data, start };
    let outcome = run(parts, backend, &checkpoints, &mut events, &stop)?;
    let device = devices.into_inner().close()?;
    match outcome.stopped {
        Some(StopReason::Requested) => return Err(Error::Paused),
        Some(StopReason::NoGain) => {
            session.watcher.note("Stopped early: the validation loss no longer falls.");
        }
        None => {}
    }
    let finished = checkpoints.finish(outcome.state, request.selection)?;
    let mut model = finish(request, runtime, session.clock, (finished, device));
    if let Some(dataset) = &request.prepared.dataset {
        let learnt = judgement::learn((dataset, request.wanted), &model, runtime, session);
        model.judgement = Some(learnt.map_err(Error::resumable)?);
    }
    trained::save(&model_directory(request.directory), &model, runtime)?;
    Ok(model)
}

fn finish(
    request: &TrainingRequest<'_>,
    runtime: &Runtime,
    clock: &dyn Clock,
    (finished, device): (FinishedRun, String),
) -> TrainedModel {
    let FinishedRun { adapter, progress, step } = finished;
    let (format_version, gradus_version) = TrainedManifest::versions();
    let run = RunSummary {
        steps: progress.step,
        chosen_step: step,
        best: progress.best,
        tokens: progress.tokens,
        rows: progress.rows,
        seconds: progress.seconds,
        device,
        train_losses: progress.train_losses,
        validation_losses: progress.validation_losses,
    };
    let manifest = TrainedManifest {
        format_version,
        gradus_version,
        trained_at: clock.now(),
        purpose: request.prepared.purpose,
        base_model: runtime.name.clone(),
        base_fingerprint: runtime.fingerprint.clone(),
        prompt_template_hash: template_hash(),
        dataset_hash: request.prepared.hash.clone(),
        training_examples: request.prepared.data.train.len(),
        synthetic_examples: request.prepared.synthetic,
        orders: request.orders(),
        started_from: request.start.map(|start| start.adapter.fingerprint()),
        plan: request.plan.clone(),
        judgement_hash: None,
        selection: request.selection,
        run,
    };
    TrainedModel { manifest, adapter, judgement: None }
}
