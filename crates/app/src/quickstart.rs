//! The main job on the bundled example, from a guide in Word to a report: what a user does with their
//! own files, one service after the other. Every step can be interrupted and taken up again.

mod example;

use std::path::{Path, PathBuf};

use gradus_engine::backend::Device;
use gradus_engine::backend::cpu::BaseWeights;
use gradus_engine::training::TrainingPlan;
use gradus_grading::dataset::{Dataset, DatasetOptions};
use gradus_grading::guide::QuestionId;
use gradus_grading::synthetic::SyntheticOptions;
use gradus_report::TestReport;

use crate::datasets::{DatasetRequest, build_dataset, save_dataset};
use crate::guides::GuideFile;
use crate::model_test::{ModelTestRequest, Submissions, run_model_test, write_report};
use crate::models::{Acceptance, Catalogue, ModelStore, fetch};
use crate::robustness::Attacks;
use crate::runtime::Runtime;
use crate::testing::Feedback;
use crate::training::{
    TrainingRequest, TrainingSource, USUAL_AGREEMENT, check, default_selection, model_directory, prepare,
    train,
};
use crate::{Error, Session, files};

/// The base model of the quickstart.
pub const MODEL: &str = "smollm2-135m-instruct";

/// Where the quickstart works.
pub struct QuickstartRequest<'a> {
    /// Everything goes into this directory; work found there is continued.
    pub output: &'a Path,
    /// Holds the base models.
    pub store: &'a ModelStore,
    /// Where base models come from.
    pub catalogue: &'a Catalogue,
    /// A model file or directory instead of the default.
    pub model: Option<&'a str>,
    /// Where the model runs.
    pub device: Device,
    /// The command that does this again.
    pub command: String,
}

/// What the quickstart made.
#[derive(Debug)]
pub struct QuickstartResult {
    /// The report's data.
    pub report: TestReport,
    /// The report's page.
    pub html: PathBuf,
    /// The report's data as JSON.
    pub json: PathBuf,
    /// The trained model.
    pub model: PathBuf,
    /// The guide's document, for the next thing to try.
    pub guide: PathBuf,
    /// A paper, for the next thing to try.
    pub paper: PathBuf,
}

/// Runs the whole job.
///
/// # Errors
/// [`Error::Paused`] where the session asked to stop: whatever is done is found again.
pub fn quickstart(
    request: &QuickstartRequest<'_>,
    session: &mut Session<'_>,
) -> Result<QuickstartResult, Error> {
    every_step(request, session).map_err(Error::resumable)
}

fn every_step(request: &QuickstartRequest<'_>, session: &mut Session<'_>) -> Result<QuickstartResult, Error> {
    session.watcher.stage("Base model");
    let (mut runtime, source) = base_model(request, session)?;
    session.check()?;

    session.watcher.stage("Guide and marked answers");
    let course = example::unpack(&request.output.join("example"))?;
    let (dataset, guide) = dataset(&course, request.output, session)?;

    let training_source = TrainingSource::Marking {
        dataset: Box::new(dataset.clone()),
        synthetic: SyntheticOptions::default(),
    };
    let prepared = prepare(training_source, &runtime)?;
    let plan = TrainingPlan::for_examples(prepared.data.train.len());
    let needs = check(&prepared, &plan, &runtime)?;
    let training = TrainingRequest {
        prepared: &prepared,
        plan: &plan,
        start: None,
        directory: &request.output.join("training"),
        wanted: USUAL_AGREEMENT,
        selection: default_selection(prepared.purpose, &plan),
    };
    training.announce(&needs, runtime.device, session.watcher);
    session.check()?;

    session.watcher.stage("Training");
    let model = train(&training, &mut runtime, session)?;

    session.watcher.stage("Held-out papers");
    let submissions =
        Submissions::Papers { directory: course.held_out.clone(), known_marks: course.known_marks.clone() };
    let test = ModelTestRequest {
        title: format!("{}: can the model mark it?", course.title),
        guide: &guide,
        model: &model,
        model_source: source,
        submissions: &submissions,
        dataset: Some(&dataset),
        attacks: Attacks::Skipped,
        feedback: Feedback::Written,
        command: request.command.clone(),
        caveats: vec![course.caveat.clone()],
    };
    let report = run_model_test(&test, &mut runtime, session)?;
    let (html, json) = write_report(&report, request.output)?;
    let paper = course.held_out.join("H07.docx");
    Ok(QuickstartResult {
        report,
        html,
        json,
        model: model_directory(training.directory),
        guide: course.guide,
        paper,
    })
}

fn base_model(
    request: &QuickstartRequest<'_>,
    session: &mut Session<'_>,
) -> Result<(Runtime, String), Error> {
    let name = request.model.unwrap_or(MODEL);
    let source = match request.catalogue.get(name) {
        Some(_) => {
            fetch(request.store, request.catalogue, (name, Acceptance::NotGiven), session)?.manifest.source
        }
        None => name.to_owned(),
    };
    let path = request.store.resolve(name, request.catalogue)?;
    let runtime = Runtime::load(name, &path, request.device, BaseWeights::default())?;
    let millions = runtime.config.parameter_count() as f64 / 1e6;
    let (from, device) = (path.display(), runtime.device.describe());
    session.watcher.note(&format!("{name}: {millions:.0} million parameters, from {from}, on {device}"));
    Ok((runtime, source))
}

fn dataset(
    course: &example::Course,
    output: &Path,
    session: &mut Session<'_>,
) -> Result<(Dataset, GuideFile), Error> {
    let options = DatasetOptions {
        unseen_questions: course.unseen_questions.iter().cloned().map(QuestionId).collect(),
        ..DatasetOptions::default()
    };
    let request =
        DatasetRequest { guide: course.guide.clone(), answers: vec![course.answers.clone()], options };
    let (dataset, guide) = build_dataset(&request, session)?;
    save_dataset(&dataset, &output.join("dataset.json"))?;
    let questions = dataset.guide.questions.len();
    session.watcher.note(&format!(
        "{}: {questions} questions understood; {}: {} marked answers, of which questions {} are kept unseen",
        guide.document.name(),
        files::name(&course.answers),
        dataset.examples.len(),
        course.unseen_questions.join(" and ")
    ));
    Ok((dataset, guide))
}
