//! Benchmarks: a public set of marked answers, trained on and tested as a user's own would be, beside markers
//! that cost less.

mod markers;
mod measures;

use std::path::{Path, PathBuf};

use gradus_grading::dataset::{
    Dataset, DatasetOptions, Finding, FindingKind, LeakedAnswers, Split, build_split,
};
use gradus_grading::import::public::{Part, PartKind, PublicSet};
use gradus_grading::marked_answer::MarkedAnswer;
use gradus_grading::metrics::Bootstrap;
use gradus_report::BenchmarkReport;
use gradus_report::data::{NamedValue, Reproduction};

use crate::reporting::{model_facts, model_hashes, training_facts, trust};
use crate::robustness::Attacks;
use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session, files};
use markers::Markers;

/// Which parts of a set are tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestedParts {
    /// The set's own tests: to report, never to choose by.
    Tests,
    /// What was held out of its training part: to choose by.
    Validation,
}

/// What is measured beside the trained model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baselines {
    /// The majority, the words of answers alone, and the base model as it was.
    Measured,
    /// Nothing.
    Skipped,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Measurements {
    /// On which parts.
    pub parts: TestedParts,
    /// Beside the trained model.
    pub baselines: Baselines,
    /// Against it.
    pub attacks: Attacks,
}

/// A trained model to be tested on a public set.
pub struct BenchmarkRequest<'a> {
    /// The set, with validation parts.
    pub set: &'a PublicSet,
    /// What was found in its answers.
    pub findings: &'a [Finding],
    /// The model, trained on the set.
    pub model: &'a TrainedModel,
    /// Where its base model came from.
    pub model_source: String,
    /// What is measured.
    pub measurements: Measurements,
    /// The command that does this again.
    pub command: String,
}

impl TestedParts {
    fn includes(self, kind: PartKind) -> bool {
        match self {
            Self::Tests => !matches!(kind, PartKind::Train | PartKind::Validation),
            Self::Validation => kind == PartKind::Validation,
        }
    }
}

/// The set as a dataset with its published split. Nothing is taken out of training, so that figures compare with
/// published ones; what a test gives away is among the dataset's findings.
pub fn dataset(set: &PublicSet) -> Result<Dataset, Error> {
    let split = |kind| match kind {
        PartKind::Train => Split::Train,
        PartKind::Validation => Split::Validation,
        PartKind::UnseenAnswers => Split::UnseenAnswers,
        PartKind::UnseenQuestions | PartKind::UnseenDomains => Split::UnseenQuestions,
    };
    let of_part = |part: &Part| {
        let split = split(part.kind);
        part.answers.iter().map(move |answer| (answer.clone(), split)).collect::<Vec<_>>()
    };
    let (answers, splits): (Vec<MarkedAnswer>, Vec<Split>) = set.parts.iter().flat_map(of_part).unzip();
    let options = DatasetOptions { leaked_answers: LeakedAnswers::Keep, ..DatasetOptions::default() };
    Ok(build_split(&set.guide, &answers, &splits, &options)?)
}

/// The parts of a set that are to be tested on.
///
/// # Errors
/// Where there are none: better known before training than after.
pub fn tested_parts(set: &PublicSet, wanted: TestedParts) -> Result<Vec<&Part>, Error> {
    let parts: Vec<&Part> = set.parts.iter().filter(|part| wanted.includes(part.kind)).collect();
    if !parts.is_empty() {
        return Ok(parts);
    }
    let known: Vec<&str> = set.parts.iter().map(|part| part.name.as_str()).collect();
    let (name, known) = (&set.name, known.join(", "));
    Err(Error::Request(match wanted {
        TestedParts::Tests => format!(
            "the set {name} has no test part, only {known}: add the files of its tests, or test on what is held out of its training answers with --parts validation"
        ),
        TestedParts::Validation => format!(
            "the set {name} has no validation part, only {known}: hold some of its training answers out with --validation-answers or --validation-questions above 0"
        ),
    }))
}

/// Marks the wanted parts of the set with the trained model, and with baselines learnt from the same answers.
///
/// # Errors
/// A set without such parts, and [`Error::Paused`] where the session asked to stop.
pub fn run_benchmark(
    request: &BenchmarkRequest<'_>,
    runtime: &mut Runtime,
    session: &mut Session<'_>,
) -> Result<BenchmarkReport, Error> {
    let BenchmarkRequest { set, model, measurements, .. } = request;
    let parts = tested_parts(set, measurements.parts)?;
    let mut markers = Markers::new(runtime, model, set, *measurements);
    let mut results = Vec::new();
    for part in &parts {
        session.watcher.stage(&format!("Testing on {} ({} answers)", part.name, part.answers.len()));
        results.push(markers.test(part, session).map_err(Error::resumable)?);
    }
    let robustness = markers.robustness(&parts, session).map_err(Error::resumable)?;
    Ok(BenchmarkReport {
        title: format!("{}, marked by {}", set.name, model.manifest.base_model),
        set: set.name.clone(),
        notes: set.notes.iter().cloned().chain(findings(request.findings)).collect(),
        generated_at: session.clock.now(),
        gradus_version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model_facts(model, &request.model_source),
        training: training_facts(&model.manifest),
        marking: model.judgement.as_ref().map(trust::marking_facts),
        parts: results,
        robustness: robustness.as_ref().map(trust::robustness_facts),
        reproduction: reproduction(request),
        caveats: caveats(request),
    })
}

/// What a reader should know of the answers, by number: there may be thousands.
fn findings(findings: &[Finding]) -> impl Iterator<Item = String> {
    let count = |kind| findings.iter().filter(|finding| finding.kind == kind).count();
    let kinds = [
        (count(FindingKind::LeakedAnswer), "stand in training and in a held-out part"),
        (count(FindingKind::NearlyLeakedAnswer), "stand in nearly the same words in both"),
        (count(FindingKind::InconsistentMarking), "were marked in different ways"),
    ];
    let found = kinds.into_iter().filter(|(count, _)| *count > 0);
    found.map(|(count, what)| format!("{count} answers {what}; they were left as the set has them."))
}

fn reproduction(request: &BenchmarkRequest<'_>) -> Reproduction {
    let named = |name: &str, value: String| NamedValue { name: name.to_owned(), value };
    let manifest = &request.model.manifest;
    Reproduction {
        commands: vec![request.command.clone()],
        seeds: vec![
            named("training", manifest.plan.seed.to_string()),
            named("bootstrap", Bootstrap::default().seed.to_string()),
        ],
        hashes: model_hashes(manifest),
        files: Vec::new(),
    }
}

fn caveats(request: &BenchmarkRequest<'_>) -> Vec<String> {
    let mut caveats = vec![
        "One training run with one seed; another seed gives somewhat different figures.".to_owned(),
        "Intervals are of a bootstrap over answers. Answers to one question are alike, so where a part has few \
         questions the figures for other questions are less certain than they show."
            .to_owned(),
    ];
    if request.model.manifest.started_from.is_some() {
        caveats.push(
            "Training started from another trained model. Where that one had learnt from answers that are held \
             out here, the figures are too good, and confidences too high."
                .to_owned(),
        );
    }
    if request.measurements.parts == TestedParts::Validation {
        caveats.push(
            "These are validation answers: settings may have been chosen on them, and confidences were \
             calibrated on them. Only the set's tests tell how well the model does."
                .to_owned(),
        );
    }
    caveats
}

/// Writes `report.html` and `report.json` into a directory and returns their paths.
pub fn write_benchmark(report: &BenchmarkReport, directory: &Path) -> Result<(PathBuf, PathBuf), Error> {
    files::write_report(
        directory,
        &gradus_report::render_benchmark_html(report)?,
        &gradus_report::benchmark_to_json(report)?,
    )
}
