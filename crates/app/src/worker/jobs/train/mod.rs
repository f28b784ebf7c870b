//! Fine-tuning: model and data to this machine, the run with its checkpoints among the blobs, the trained model.
//!
//! The run itself knows nothing of queues: it tells a [`follow::Follower`] what happens, which hands it to the event loop,
//! and it waits while a checkpoint is stored, so that a checkpoint that was told of can be resumed from anywhere.

mod follow;
mod material;
mod result;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gradus_domain::failure::Failure;
use gradus_domain::{Id, TrainingJobId, TrainingJobState, TrainingJobStep, Wish};
use gradus_store::training_jobs::{self, TrainingJob};
use gradus_store::{StoreError, Transaction, Whose};

use self::follow::Follower;
use self::material::Material;
use super::{Changes, Completion, Job, Left, on_a_thread};
use crate::service::training_jobs::{TrainingSettings, say};
use crate::training::{self, TrainingRequest, check, default_selection, prepare};
use crate::worker::Assignment;
use crate::{Error, Session, trained};

pub(super) struct Train;

#[async_trait]
impl Job for Train {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        let id: TrainingJobId = assignment.subject()?;
        let job = assignment
            .write(move |tx| async move {
                training_jobs::step(&tx, id, TrainingJobStep::Prepare, None).await?;
                say(&tx, id, "A worker has the job and prepares it.").await?;
                training_jobs::get(&tx, Whose::Anyones, id).await
            })
            .await?;
        let directory = assignment.directory()?;
        let material = material::gather(assignment, &job, &directory).await?;
        let (follower, following) = follow::pair(assignment, &job);
        let (asked_to_stop, unheard) = (assignment.stop_question(), Arc::new(AtomicBool::new(false)));
        let run = on_a_thread({
            let unheard = unheard.clone();
            move || {
                train(material, directory, follower, &|| asked_to_stop() || unheard.load(Ordering::Acquire))
            }
        });
        let followed = async {
            let followed = following.listen().await;
            // A run whose checkpoints are not stored any more is in vain.
            unheard.store(followed.is_err(), Ordering::Release);
            followed
        };
        let (trained, followed) = tokio::join!(run, followed);
        // What could not be stored is the reason, whatever the run made of it.
        followed?;
        result::store(assignment, &job, &trained?).await
    }

    fn leave(&self, left: Left) -> Option<Changes> {
        Changes::new(
            move |tx, subject| async move { leave(&tx, TrainingJobId::from_uuid(subject), left).await },
        )
    }
}

/// The run, from files to the directory of the trained model.
fn train(
    material: Material,
    directory: PathBuf,
    mut follower: Follower,
    stop: &dyn Fn() -> bool,
) -> Result<PathBuf, Error> {
    let mut session = Session { watcher: &mut follower, stop, clock: &gradus_domain::SystemClock };
    let base_model = material.base_model(&mut session)?;
    session.check()?;
    let mut runtime = material.load(&base_model)?;
    let start = material.start.as_deref().map(|start| trained::load(start, &runtime)).transpose()?;
    let prepared = prepare(material.source(&mut session)?, &runtime)?;
    let settings: &TrainingSettings = &material.settings;
    let plan = settings.plan(prepared.data.train.len());
    let needs = check(&prepared, &plan, &runtime)?;
    session.check()?;
    let request = TrainingRequest {
        prepared: &prepared,
        plan: &plan,
        start: start.as_ref(),
        directory: &directory,
        wanted: training::USUAL_AGREEMENT,
        selection: default_selection(prepared.purpose, &plan),
    };
    request.announce(&needs, runtime.device, session.watcher);
    training::train(&request, &mut runtime, &mut session)?;
    Ok(training::model_directory(&directory))
}

/// What a training job becomes when it is left without a model.
async fn leave(tx: &Transaction, id: TrainingJobId, left: Left) -> Result<(), StoreError> {
    let job = match training_jobs::get(tx, Whose::Anyones, id).await {
        Ok(job) => job,
        // Deleted meanwhile.
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let (step, failure, said) = ending(left);
    if is_possible(&job, step) {
        training_jobs::step(tx, id, step, failure).await?;
        say(tx, id, &said).await?;
    }
    Ok(())
}

/// The step of a job that is left so, the failure that is stored with it, and what its owner reads among its events.
fn ending(left: Left) -> (TrainingJobStep, Option<Failure>, String) {
    match left {
        Left::Waiting { failure, .. } => {
            let said = format!("The job broke off and will go on by itself: {}", failure.told());
            (TrainingJobStep::Requeue, None, said)
        }
        Left::HandedBack | Left::Stopped(Wish::GoOn) => {
            (TrainingJobStep::Requeue, None, "The worker is shutting down; another goes on.".to_owned())
        }
        Left::Stopped(Wish::Pause) => (TrainingJobStep::Pause, None, "The job is paused.".to_owned()),
        Left::Stopped(Wish::Cancel) => (TrainingJobStep::Cancel, None, "The job was cancelled.".to_owned()),
        Left::Failed(failure) => {
            let said = format!("The job failed: {}", failure.told());
            (TrainingJobStep::Fail, Some(failure), said)
        }
    }
}

/// A job that was lost before its first step is still queued, and needs no step back.
fn is_possible(job: &TrainingJob, step: TrainingJobStep) -> bool {
    use gradus_domain::State;
    let state: TrainingJobState = job.state.0;
    state.after(step).is_some()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gradus_domain::failure::{Category, Severity};

    use super::*;

    #[test]
    fn events_of_a_job_tell_its_owner_nothing_of_the_machine() {
        let failure = Failure {
            category: Category::Resource,
            severity: Severity::Error,
            is_transient: true,
            message: "cannot write /var/lib/gradus/x: the disk is full".to_owned(),
        };
        let wait = Duration::from_secs(15);
        for left in [Left::Waiting { wait, failure: failure.clone() }, Left::Failed(failure)] {
            let (_, _, said) = ending(left);
            assert!(said.contains("ran short") && !said.contains("/var"), "{said}");
        }
    }
}
