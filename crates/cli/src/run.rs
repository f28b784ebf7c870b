//! A training run as the commands that train ask for it: base model, start, device and plan, made ready together.

use std::path::{Path, PathBuf};

use clap::Args;
use gradus_app::engine::preflight::Preflight;
use gradus_app::engine::training::TrainingPlan;
use gradus_app::grading::synthetic::SyntheticOptions;
use gradus_app::quickstart::MODEL;
use gradus_app::runtime::Runtime;
use gradus_app::trained::{self, TrainedModel};
use gradus_app::training::{PreparedData, TrainingRequest, TrainingSource, check, prepare, train};
use gradus_app::{Error, Session};

use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::plan::PlanOptions;

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Base model: a name from `gradus models list`, a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "NAME|PATH", default_value = MODEL)]
    pub(crate) model: String,
    /// A trained model to start from, of the same base model and adapter: the `model` directory of an
    /// earlier run, on other marked answers for instance
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceOption,
    #[command(flatten)]
    plan: PlanOptions,
}

/// A run of which everything is known to be in order.
pub(crate) struct ReadyRun<'a> {
    options: &'a PlanOptions,
    start: Option<TrainedModel>,
    pub(crate) runtime: Runtime,
    pub(crate) prepared: PreparedData,
    pub(crate) plan: TrainingPlan,
    pub(crate) needs: Preflight,
}

impl RunOptions {
    /// What is made up to be learned.
    pub(crate) fn synthetic(&self) -> SyntheticOptions {
        self.plan.synthetic()
    }

    /// Loads the base model, pulled first where it is missing, and looks at everything a run on that data needs.
    pub(crate) fn ready(
        &self,
        source: TrainingSource,
        environment: &Environment,
    ) -> anyhow::Result<ReadyRun<'_>> {
        let options = &self.plan;
        let path = environment.base_model(&self.model)?;
        let runtime = Runtime::load(&self.model, &path, self.device.device, options.base_weights())?;
        let start = self.from.as_deref().map(|from| trained::load(from, &runtime)).transpose()?;
        let prepared = prepare(source, &runtime)?;
        let plan = options.plan(prepared.data.train.len())?;
        let needs = check(&prepared, &plan, &runtime)?;
        options.check_use(&prepared, &plan)?;
        Ok(ReadyRun { options, start, runtime, prepared, plan, needs })
    }
}

impl ReadyRun<'_> {
    /// Says what the run needs, and trains.
    pub(crate) fn train(
        &mut self,
        directory: &Path,
        session: &mut Session<'_>,
    ) -> Result<TrainedModel, Error> {
        let Self { options, start, runtime, prepared, plan, needs } = self;
        let request = TrainingRequest {
            prepared,
            plan,
            start: start.as_ref(),
            directory,
            wanted: options.wanted(),
            selection: options.selection(prepared, plan),
        };
        request.announce(needs, runtime.device, session.watcher);
        train(&request, runtime, session)
    }
}
