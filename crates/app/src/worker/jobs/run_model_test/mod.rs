//! Trying a model on submissions: guide, model and answers to this machine, the marking, what was found.

mod answers;
mod progress;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use gradus_domain::{Id, ModelTestId, ModelTestState, ModelTestStep, SystemClock};
use gradus_engine::backend::Device;
use gradus_grading::dataset::Dataset;
use gradus_report::TestReport;
use gradus_store::datasets::versions;
use gradus_store::model_tests::{self, ModelTest, Results};
use gradus_store::{StoreError, Whose, files, models};

use self::answers::Answers;
use super::{Changes, Completion, Job, Left, on_a_thread};
use crate::guides::GuideFile;
use crate::model_test::{ModelTestRequest, Submissions, run_model_test};
use crate::models::{Acceptance, Catalogue, ModelStore, fetch};
use crate::robustness::Attacks;
use crate::runtime::Runtime;
use crate::service::model_tests::{ModelTestSettings, settings_of};
use crate::testing::Feedback;
use crate::trained::{self, read_manifest};
use crate::worker::Assignment;
use crate::{Error, Session, Watcher};

pub(super) struct RunModelTest;

/// What a test needs on this machine.
struct Material {
    name: String,
    settings: ModelTestSettings,
    guide: GuideFile,
    dataset: Dataset,
    answers: Answers,
    model: PathBuf,
    base_model: String,
    base_models: ModelStore,
    catalogue: Arc<Catalogue>,
}

#[async_trait]
impl Job for RunModelTest {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        let id: ModelTestId = assignment.subject()?;
        let test = assignment
            .write(move |tx| async move {
                model_tests::step(&tx, id, ModelTestStep::Run).await?;
                model_tests::get(&tx, Whose::Anyones, id).await
            })
            .await?;
        let directory = assignment.directory()?;
        let material = gather(assignment, &test, &directory).await?;
        let (mut watcher, watching) = progress::pair(assignment, id);
        let stop = assignment.stop_question();
        let run = on_a_thread(move || test_it(&material, &mut watcher, &stop));
        let (report, ()) = tokio::join!(run, watching.listen());
        let report = report?;
        answers::store_marks(assignment, id, &report.answers).await?;
        let json = gradus_report::to_json(&report)?;
        let stored = assignment.services.archive.keep_bytes(json.into_bytes()).await?;
        let results = Results { result_hash: stored.hash.to_string(), figures: figures(&report) };
        Ok(Completion::new(move |tx| async move { model_tests::complete(&tx, id, results).await }))
    }

    fn leave(&self, left: Left) -> Option<Changes> {
        Changes::new(move |tx, subject| async move {
            let id = ModelTestId::from_uuid(subject);
            let state = match model_tests::get(&tx, Whose::Anyones, id).await {
                Ok(test) => test.state.0,
                Err(StoreError::NotFound { .. }) => return Ok(()),
                Err(error) => return Err(error),
            };
            match (left, state) {
                (Left::Failed(failure), ModelTestState::Queued | ModelTestState::Running) => {
                    model_tests::fail(&tx, id, failure).await
                }
                (Left::Stopped(_), ModelTestState::Queued | ModelTestState::Running) => {
                    model_tests::step(&tx, id, ModelTestStep::Cancel).await
                }
                (Left::Waiting { .. } | Left::HandedBack, ModelTestState::Running) => {
                    model_tests::step(&tx, id, ModelTestStep::Requeue).await
                }
                _ => Ok(()),
            }
        })
    }
}

async fn gather(assignment: &Assignment, test: &ModelTest, directory: &Path) -> Result<Material, Error> {
    let services = &assignment.services;
    let reader = services.store.reader();
    let version = test
        .dataset_version_id
        .ok_or_else(|| Error::invalid("dataset_version", "the test names none, so that there is no guide"))?;
    let guide = services.guide_of(version.0).await?;
    let version = versions::get(&reader, version.0).await?;
    let hash = version.blob_hash.ok_or_else(|| Error::invalid("dataset_version", "is not ready"))?;
    let dataset = Dataset::from_json(&String::from_utf8_lossy(&services.archive.read(&hash).await?))?;
    let settings = settings_of(test)?;
    let answers = answers::gather(assignment, test.id.0, &settings, &guide.reading.guide, &dataset).await?;
    let trained = models::get(&reader, Whose::Anyones, test.model_id.0).await?;
    let model = directory.join("model");
    let stored = files::of_model::files(&reader, trained.id.0).await?;
    services.archive.restore_directory(&stored, &model).await?;
    Ok(Material {
        name: test.name.clone(),
        settings,
        guide,
        dataset,
        answers,
        model,
        base_model: trained.base_model,
        base_models: services.base_models.clone(),
        catalogue: services.catalogue.clone(),
    })
}

fn test_it(
    material: &Material,
    watcher: &mut dyn Watcher,
    stop: &dyn Fn() -> bool,
) -> Result<TestReport, Error> {
    let mut session = Session { watcher, stop, clock: &SystemClock };
    let name = &material.base_model;
    if material.base_models.show(name).is_none() {
        fetch(&material.base_models, &material.catalogue, (name, Acceptance::NotGiven), &mut session)?;
    }
    let path = material.base_models.resolve(name, &material.catalogue)?;
    let base_weights = read_manifest(&material.model)?.plan.base_weights;
    let mut runtime = Runtime::load(name, &path, Device::default(), base_weights)?;
    let model = trained::load(&material.model, &runtime)?;
    let source = material.base_models.show(name).map_or_else(|| name.clone(), |model| model.manifest.source);
    let request = ModelTestRequest {
        title: material.name.clone(),
        guide: &material.guide,
        model: &model,
        model_source: source,
        submissions: &Submissions::Given {
            papers: material.answers.papers.clone(),
            answers: material.answers.answers.clone(),
            problems: material.answers.problems.clone(),
        },
        dataset: Some(&material.dataset),
        attacks: if material.settings.robustness { Attacks::Tried } else { Attacks::Skipped },
        feedback: if material.settings.feedback { Feedback::Written } else { Feedback::Skipped },
        command: "Run the model test again.".to_owned(),
        caveats: Vec::new(),
    };
    run_model_test(&request, &mut runtime, &mut session)
}

/// Agreement in short, for lists.
fn figures(report: &TestReport) -> serde_json::Value {
    let agreeing = report.answers.iter().filter(|answer| answer.agrees()).count();
    let automatic = report.answers.iter().filter(|answer| answer.automatic).count();
    serde_json::json!({
        "answers": report.answers.len(),
        "agreeing": agreeing,
        "automatic": automatic,
        "results": report.results,
    })
}
