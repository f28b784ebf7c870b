//! What happens in a run, on its way into the database: figures and events at most once a second, checkpoints at once.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gradus_domain::{CheckpointId, TrainingJobId, TrainingJobState, TrainingJobStep};
use gradus_engine::training::TrainEvent;
use gradus_store::files::StoredFile;
use gradus_store::training_jobs::checkpoints::{self, Checkpoint};
use gradus_store::training_jobs::events::{self, NewEvent};
use gradus_store::training_jobs::{self, Progress, TrainingJob};
use gradus_store::{Key, StoreError, Transaction, Whose, queue};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::worker::Assignment;
use crate::{Error, Watcher};

/// How often figures are written.
const EVERY: Duration = Duration::from_secs(1);
/// Where a run has its checkpoints, in its directory.
const CHECKPOINTS: &str = "checkpoints";
/// Where a run says where it was computed.
const DEVICES: &str = "devices.json";
/// How many losses the trend is taken over.
const TREND: usize = 30;

/// A run's side: a watcher that passes on what it sees.
pub(super) struct Follower {
    news: mpsc::UnboundedSender<News>,
}

/// The event loop's side.
pub(super) struct Following<'a> {
    assignment: &'a Assignment,
    id: TrainingJobId,
    news: mpsc::UnboundedReceiver<News>,
    figures: Figures,
    waiting: Vec<NewEvent>,
    written: Instant,
}

enum News {
    Stage(String),
    Message {
        level: &'static str,
        text: String,
    },
    Event(TrainEvent),
    /// The run waits until the checkpoint is stored.
    Checkpoint {
        step: u64,
        path: PathBuf,
        stored: oneshot::Sender<()>,
    },
}

/// How far this attempt is; earlier ones may have got further.
#[derive(Default, PartialEq)]
enum Phase {
    #[default]
    Preparing,
    Training,
    Evaluating,
}

#[derive(Default)]
struct Figures {
    phase: Phase,
    step: u64,
    steps: Option<u64>,
    progress: Progress,
    losses: VecDeque<f64>,
    seconds: f64,
    steps_timed: u64,
}

pub(super) fn pair<'a>(assignment: &'a Assignment, job: &TrainingJob) -> (Follower, Following<'a>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let following = Following {
        assignment,
        id: job.id.0,
        news: receiver,
        figures: Figures::of(job),
        waiting: Vec::new(),
        written: Instant::now(),
    };
    (Follower { news: sender }, following)
}

impl Follower {
    fn tell(&self, news: News) {
        // Nobody listens any more once the job is lost; the run stops by itself then.
        _ = self.news.send(news);
    }
}

impl Watcher for Follower {
    fn stage(&mut self, title: &str) {
        self.tell(News::Stage(title.to_owned()));
    }

    fn note(&mut self, message: &str) {
        self.tell(News::Message { level: "info", text: message.to_owned() });
    }

    fn warning(&mut self, message: &str) {
        self.tell(News::Message { level: "warn", text: message.to_owned() });
    }

    fn training(&mut self, event: &TrainEvent) {
        let TrainEvent::CheckpointSaved { step, path } = event else {
            return self.tell(News::Event(event.clone()));
        };
        let (stored, when_stored) = oneshot::channel();
        self.tell(News::Checkpoint { step: *step, path: path.clone(), stored });
        // An error here means that storing failed or that nobody listens: the run is stopped for it.
        _ = when_stored.blocking_recv();
    }
}

impl Following<'_> {
    /// Writes what happens until the run is over.
    ///
    /// # Errors
    /// When it cannot be written, or the job is another's by now. The run is told to stop by the caller's signals.
    pub(super) async fn listen(mut self) -> Result<(), Error> {
        loop {
            let until_due = EVERY.saturating_sub(self.written.elapsed());
            let news = tokio::time::timeout(until_due, self.news.recv()).await;
            match news {
                Ok(Some(news)) => self.take(news).await?,
                Ok(None) => return self.write(None).await,
                Err(_) => {}
            }
            if self.written.elapsed() >= EVERY {
                self.write_figures().await?;
            }
        }
    }

    async fn take(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Stage(title) => {
                self.say("info", format!("{title} …"), json!({}));
                self.figures.progress.stage = Some(title);
                if self.figures.begins_to_evaluate() {
                    return self.write(Some(TrainingJobStep::Evaluate)).await;
                }
            }
            News::Message { level, text } => self.say(level, text, json!({})),
            News::Event(event) => return self.see(event).await,
            News::Checkpoint { step, path, stored } => {
                self.write(None).await?;
                self.store(step, &path).await?;
                _ = stored.send(());
            }
        }
        Ok(())
    }

    fn say(&mut self, level: &'static str, message: String, data: serde_json::Value) {
        self.waiting.push(NewEvent { kind: "message", level, message, data });
    }

    async fn see(&mut self, event: TrainEvent) -> Result<(), Error> {
        match event {
            TrainEvent::Started { step, total_steps, trainable_parameters } => {
                self.figures.begin(step, total_steps);
                let resumed = if step > 0 { format!(", from step {step} on") } else { String::new() };
                let message = format!("Training begins: {total_steps} steps{resumed}.");
                self.say("info", message, json!({ "trainable_parameters": trainable_parameters }));
                self.write(Some(TrainingJobStep::Train)).await?;
            }
            TrainEvent::MicroBatch { .. } => {}
            TrainEvent::Step {
                step,
                total_steps,
                epoch,
                loss,
                learning_rate,
                gradient_norm,
                tokens,
                seconds,
                ..
            } => {
                let is_new = self.figures.step(step, total_steps, epoch, loss, tokens, seconds);
                self.assignment.tell_speed(self.figures.progress.tokens_per_second.unwrap_or(0.0));
                let data = json!({
                    "step": step, "total_steps": total_steps, "epoch": epoch, "train_loss": loss,
                    "learning_rate": learning_rate, "gradient_norm": gradient_norm,
                    "tokens_per_second": self.figures.progress.tokens_per_second,
                });
                if is_new {
                    let message = format!("Step {step}/{total_steps}: training loss={loss:.3}");
                    self.waiting.push(NewEvent { kind: "metrics", level: "info", message, data });
                }
                if step == total_steps {
                    // The last evaluation and the last checkpoint belong to it.
                    self.figures.progress.stage = Some("Evaluating".to_owned());
                }
            }
            TrainEvent::Evaluated { step, loss, best } => {
                self.figures.progress.validation_loss = Some(loss);
                let data = json!({ "step": step, "valid_loss": loss, "best": best });
                let message = format!("Step {step}: validation loss={loss:.3}");
                self.waiting.push(NewEvent { kind: "metrics", level: "info", message, data });
            }
            TrainEvent::CheckpointRefused { path, reason } => {
                let name = crate::files::name(&path);
                self.say(
                    "warn",
                    format!("Checkpoint {name} is damaged and was passed over: {reason}"),
                    json!({}),
                );
            }
            TrainEvent::CheckpointSaved { .. } => {}
        }
        Ok(())
    }

    /// Writes figures and events. They can wait for a database that is away for a moment.
    async fn write_figures(&mut self) -> Result<(), Error> {
        match self.write(None).await {
            Err(Error::Store(error)) if error.is_transient() => {
                tracing::warn!(%error, "figures of a run could not be written; trying again");
                self.written = Instant::now();
                Ok(())
            }
            other => other,
        }
    }

    /// Writes figures and events, and takes a step of the job.
    async fn write(&mut self, step: Option<TrainingJobStep>) -> Result<(), Error> {
        let (id, events) = (self.id, self.waiting.clone());
        let (done, total, progress) = (self.figures.step, self.figures.steps, self.figures.progress.clone());
        self.assignment
            .write(move |tx| async move {
                if let Some(step) = step {
                    training_jobs::step(&tx, id, step, None).await?;
                }
                for event in events {
                    events::append(&tx, id, event).await?;
                }
                training_jobs::report_progress(&tx, id, done, total, progress).await
            })
            .await?;
        self.waiting.clear();
        self.written = Instant::now();
        Ok(())
    }

    /// Stores a checkpoint's files, and forgets those that the run forgot.
    async fn store(&self, step: u64, path: &Path) -> Result<(), Error> {
        let directory = path.parent().unwrap_or(path);
        let archive = &self.assignment.services.archive;
        let name = crate::files::name(path);
        let mut stored = archive.keep_directory(path).await?;
        stored.iter_mut().for_each(|file| file.name = format!("{CHECKPOINTS}/{name}/{}", file.name));
        // Where each stretch of the run was computed goes with it: another processor may round otherwise.
        stored.extend(archive.keep_file(directory.parent().unwrap_or(directory), DEVICES).await?);
        let kept: Vec<String> = crate::files::names_in(directory)?;
        let (id, progress) = (self.id, self.figures.progress.clone());
        let claim = self.assignment.claim.clone();
        self.assignment
            .write(move |tx| async move {
                queue::got_further(&tx, &claim).await?;
                training_jobs::is_past_resuming(&tx, id).await?;
                forget_others(&tx, id, &kept, &name).await?;
                insert(&tx, id, step, &progress, stored).await?;
                let event = NewEvent {
                    kind: "checkpoint",
                    level: "info",
                    message: format!("Checkpoint at step {step} was stored."),
                    data: json!({ "step": step }),
                };
                events::append(&tx, id, event).await.map(|_| ())
            })
            .await?;
        Ok(())
    }
}

/// Deletes the checkpoints that the run no longer keeps, and an earlier one of the same name.
async fn forget_others(
    tx: &Transaction,
    id: TrainingJobId,
    kept: &[String],
    new: &str,
) -> Result<(), StoreError> {
    for checkpoint in checkpoints::of_job(tx, id).await? {
        let files = gradus_store::files::of_checkpoint::files(tx, checkpoint.id.0).await?;
        let name = files.iter().find_map(|file| file.name.strip_prefix(CHECKPOINTS)?.split('/').nth(1));
        let name = name.unwrap_or_default();
        if name == new || !kept.iter().any(|kept| kept == name) {
            checkpoints::delete(tx, checkpoint.id.0).await?;
        }
    }
    Ok(())
}

async fn insert(
    tx: &Transaction,
    id: TrainingJobId,
    step: u64,
    progress: &Progress,
    stored: Vec<StoredFile>,
) -> Result<(), StoreError> {
    let checkpoint = Checkpoint {
        id: Key(CheckpointId::new()),
        training_job_id: Key(id),
        step: step.cast_signed(),
        training_loss: progress.training_loss,
        validation_loss: progress.validation_loss,
        bytes: stored.iter().map(|file| file.bytes).sum::<u64>().cast_signed(),
        created_at: tx.now(),
    };
    checkpoints::insert(tx, checkpoint, stored).await
}

impl Figures {
    /// As an earlier attempt left them.
    fn of(job: &TrainingJob) -> Self {
        Self {
            step: job.step.cast_unsigned(),
            steps: job.steps.map(i64::cast_unsigned),
            progress: job.progress.0.clone(),
            ..Self::default()
        }
    }

    /// The run is about to make the update after `step`, or has made them all.
    fn begin(&mut self, step: u64, total_steps: u64) {
        (self.phase, self.step, self.steps) = (Phase::Training, step, Some(total_steps));
    }

    /// Whether what is done now is the first that comes after the last update. An attempt that takes a run over which
    /// made all of them prepares first like any other.
    fn begins_to_evaluate(&mut self) -> bool {
        let begins = self.phase == Phase::Training && self.steps == Some(self.step);
        if begins {
            self.phase = Phase::Evaluating;
        }
        begins
    }

    /// Takes an update in; whether no attempt told of it before. Those that are made again after a loss were, and their
    /// tokens were counted.
    fn step(
        &mut self,
        step: u64,
        total_steps: u64,
        epoch: f64,
        loss: f64,
        tokens: u64,
        seconds: f64,
    ) -> bool {
        self.step = step;
        self.steps = Some(total_steps);
        self.seconds += seconds;
        self.steps_timed += 1;
        self.losses.push_back(loss);
        if self.losses.len() > TREND {
            self.losses.pop_front();
        }
        let progress = &mut self.progress;
        progress.stage = Some("Training".to_owned());
        progress.epoch = Some(epoch);
        progress.training_loss = Some(loss).filter(|loss| loss.is_finite());
        progress.tokens_per_second = (seconds > 0.0).then(|| tokens as f64 / seconds);
        let left = total_steps.saturating_sub(step) as f64;
        progress.seconds_left = Some(left * self.seconds / self.steps_timed as f64);
        progress.loss_trend = trend(&self.losses);
        let is_new = progress.told_step < Some(step);
        if is_new {
            progress.told_step = Some(step);
            progress.trained_tokens = Some(progress.trained_tokens.unwrap_or(0) + tokens);
        }
        is_new
    }
}

/// The slope of the line of least squares through the losses, in nats an update.
fn trend(losses: &VecDeque<f64>) -> Option<f64> {
    let count = losses.len() as f64;
    if losses.len() < 3 {
        return None;
    }
    let middle = (count - 1.0) / 2.0;
    let mean = losses.iter().sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (at, loss) in losses.iter().enumerate() {
        let from_middle = at as f64 - middle;
        above += from_middle * (loss - mean);
        below += from_middle * from_middle;
    }
    Some(above / below).filter(|slope| slope.is_finite())
}

/// Takes the step to the evaluation, where the run has not got that far in an earlier attempt.
pub(super) async fn evaluating(tx: &Transaction, id: TrainingJobId) -> Result<(), StoreError> {
    let job = training_jobs::get(tx, Whose::Anyones, id).await?;
    if job.state.0 == TrainingJobState::Training {
        training_jobs::step(tx, id, TrainingJobStep::Evaluate, None).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_made_every_update_in_an_earlier_attempt_prepares_before_it_evaluates() {
        let mut figures = Figures { step: 100, steps: Some(100), ..Figures::default() };
        assert!(!figures.begins_to_evaluate(), "it fetches its model");
        figures.begin(100, 100);
        assert!(figures.begins_to_evaluate());
        assert!(!figures.begins_to_evaluate(), "it does so already");
        figures.begin(98, 100);
        assert!(!figures.begins_to_evaluate(), "two updates are left");
    }

    #[test]
    fn an_update_that_is_made_again_is_told_and_counted_once_however_often_the_run_breaks_off() {
        let mut progress = Progress::default();
        let mut told = Vec::new();
        // The second attempt goes on from a checkpoint, and is lost before it gets as far as the first.
        for (from, to) in [(0, 42), (40, 41), (40, 43)] {
            let mut figures = Figures { progress: progress.clone(), ..Figures::default() };
            figures.begin(from, 43);
            told.extend((from + 1..=to).filter(|step| figures.step(*step, 43, 0.5, 2.0, 10, 0.1)));
            progress = figures.progress;
        }
        assert!(told.into_iter().eq(1..=43));
        assert_eq!(progress.trained_tokens, Some(430));
    }

    #[test]
    fn a_loss_that_falls_by_a_tenth_an_update_has_that_trend() {
        let falling: VecDeque<f64> = (0..10).map(|step| 3.0 - 0.1 * f64::from(step)).collect();
        assert!((trend(&falling).unwrap() + 0.1).abs() < 1e-12);
        assert_eq!(trend(&VecDeque::from([1.0, 0.5])), None);
        assert_eq!(trend(&VecDeque::from([1.0, f64::NAN, 2.0])), None);
    }
}
