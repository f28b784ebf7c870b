//! `gradus test`: a trained model on answers whose marks are known. Also prints results for quickstart.

use std::path::{Path, PathBuf};

use clap::Args;
use gradus_app::datasets::load_dataset;
use gradus_app::grading::metrics::{Agreement, Estimate, Verdict};
use gradus_app::guides::read_guide;
use gradus_app::model_test::{ModelTestRequest, Submissions, run_model_test, write_report};
use gradus_app::report::TestReport;
use gradus_app::report::data::ResultSection;
use gradus_app::robustness::Attacks;
use gradus_app::runtime::Runtime;
use gradus_app::testing::Feedback;
use gradus_app::trained;

use crate::again::Again;
use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::output;
use crate::trust::{attacks_table, automatic_line};

/// Test a trained model on answers whose marks are known, and write a report
///
/// The base model marks the same answers, so that you see what training changed. Give the dataset that
/// the model was trained on to have seen and unseen questions told apart and leakage looked for.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus test --model run/model --guide guide.docx --papers papers/ --known-marks marks.csv --output report\n  gradus test --model run/model --guide guide.docx --answers more-marked.csv --dataset dataset.json --output report"
)]
pub(crate) struct Arguments {
    /// The trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The marking guide
    #[arg(long, value_name = "FILE")]
    guide: PathBuf,
    /// A directory of whole papers
    #[arg(long, value_name = "DIR", requires = "known_marks", required_unless_present = "answers")]
    papers: Option<PathBuf>,
    /// The marks of the papers: a CSV file with the columns student, question, mark
    #[arg(long, value_name = "FILE", requires = "papers")]
    known_marks: Option<PathBuf>,
    /// A table of marked answers instead of papers
    #[arg(long, value_name = "FILE", conflicts_with = "papers")]
    answers: Option<PathBuf>,
    /// The dataset that the model was trained on
    #[arg(long, value_name = "FILE")]
    dataset: Option<PathBuf>,
    /// The base model, where it is not the one the training named
    #[arg(long, value_name = "NAME|PATH")]
    base_model: Option<String>,
    /// Title of the report
    #[arg(long)]
    title: Option<String>,
    /// Also mark answers made to mislead (worthless texts, contradictions, orders to the marker), in wordings
    /// that no model was trained on
    #[arg(long)]
    robustness: bool,
    /// Do not write feedback, which is the slowest part
    #[arg(long)]
    no_feedback: bool,
    #[command(flatten)]
    device: DeviceOption,
    /// Where to write report.html and report.json
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let submissions = submissions(arguments);
    let guide = read_guide(&arguments.guide)?;
    let dataset = arguments.dataset.as_deref().map(load_dataset).transpose()?;
    let (mut runtime, source) =
        base_of(&arguments.model, arguments.base_model.as_deref(), arguments.device, environment)?;
    let model = trained::load(&arguments.model, &runtime)?;
    let title = guide.reading.guide.title.clone().unwrap_or_else(|| guide.document.name());
    let request = ModelTestRequest {
        title: arguments.title.clone().unwrap_or_else(|| format!("{title}: can the model mark it?")),
        guide: &guide,
        model: &model,
        model_source: source,
        submissions: &submissions,
        dataset: dataset.as_ref(),
        attacks: if arguments.robustness { Attacks::Tried } else { Attacks::Skipped },
        feedback: if arguments.no_feedback { Feedback::Skipped } else { Feedback::Written },
        command: command(arguments, &runtime, environment),
        caveats: Vec::new(),
    };
    let report = environment.watch(|session| run_model_test(&request, &mut runtime, session))?;
    let (html, json) = write_report(&report, &arguments.output)?;
    if environment.json {
        return output::print_json(&serde_json::json!({
            "event": "finished", "report": html, "report_json": json, "results": report.results,
            "automatic": report.automatic, "robustness": report.robustness.map(|facts| facts.summary),
        }));
    }
    output::print(results_table(&report));
    report.automatic.iter().for_each(|automatic| output::print(format!("\n{}", automatic_line(automatic))));
    if let Some(robustness) = &report.robustness {
        output::print(format!("\n{}", attacks_table(&robustness.summary)));
    }
    output::print(format!("\nReport: {}", html.display()));
    Ok(())
}

/// The base model of a trained model, and where it came from.
pub(crate) fn base_of(
    model: &Path,
    base_model: Option<&str>,
    device: DeviceOption,
    environment: &Environment,
) -> anyhow::Result<(Runtime, String)> {
    let manifest = trained::read_manifest(model)?;
    let name = base_model.unwrap_or(&manifest.base_model);
    let path = environment.base_model(name)?;
    Ok((Runtime::load(name, &path, device.device, manifest.plan.base_weights)?, environment.source_of(name)))
}

fn submissions(arguments: &Arguments) -> Submissions {
    match (&arguments.papers, &arguments.known_marks, &arguments.answers) {
        (Some(directory), Some(known_marks), _) => {
            Submissions::Papers { directory: directory.clone(), known_marks: known_marks.clone() }
        }
        (_, _, answers) => Submissions::Answers(answers.clone().unwrap_or_default()),
    }
}

fn command(arguments: &Arguments, runtime: &Runtime, environment: &Environment) -> String {
    let path = |path: &Path| path.display().to_string();
    Again::command("test", environment)
        .option("model", Some(path(&arguments.model)))
        .option("guide", Some(path(&arguments.guide)))
        .option("papers", arguments.papers.as_deref().map(path))
        .option("known-marks", arguments.known_marks.as_deref().map(path))
        .option("answers", arguments.answers.as_deref().map(path))
        .option("dataset", arguments.dataset.as_deref().map(path))
        .option("base-model", arguments.base_model.as_ref())
        .option("title", arguments.title.as_ref())
        .flag("robustness", arguments.robustness)
        .flag("no-feedback", arguments.no_feedback)
        .device(runtime.device)
        .option("output", Some(path(&arguments.output)))
        .into_line()
}

/// The results as a table with intervals, and the verdict.
pub(crate) fn results_table(report: &TestReport) -> String {
    let results = &report.results;
    let sections = [
        ("all answers", &results.overall),
        ("seen questions", &results.seen_questions),
        ("unseen questions", &results.unseen_questions),
    ];
    let header = ["ANSWERS", "MARKER", "KAPPA (QWK)", "EXACT", "WITHIN ONE STEP", "MEAN ERROR", "BIAS"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (name, section) in sections {
        rows.extend(section.iter().flat_map(|section| section_rows(name, section)));
    }
    let verdict = results.headline().map_or_else(String::new, |section| format!("\n\n{}", verdict(section)));
    format!("{}{verdict}", output::table(&rows))
}

fn section_rows(name: &str, section: &ResultSection) -> Vec<Vec<String>> {
    let row = |name: String, marker: &str, agreement: &Agreement| {
        let percent = |estimate: &Estimate| {
            format!(
                "{:.0} % ({:.0}–{:.0})",
                estimate.value * 100.0,
                estimate.low * 100.0,
                estimate.high * 100.0
            )
        };
        let kappa = agreement.quadratic_weighted_kappa.map_or("–".to_owned(), |estimate| number(&estimate));
        vec![
            name,
            marker.to_owned(),
            kappa,
            percent(&agreement.exact_agreement),
            percent(&agreement.adjacent_agreement),
            number(&agreement.mean_absolute_error),
            format!("{:+.2}", agreement.bias.value),
        ]
    };
    let mut rows = vec![
        row(format!("{name} ({})", section.count), "trained", &section.trained),
        row(String::new(), "base", &section.base),
    ];
    rows.extend(section.human.as_ref().map(|human| row(String::new(), "second marker", human)));
    rows
}

fn number(estimate: &Estimate) -> String {
    format!("{:.2} ({:.2}–{:.2})", estimate.value, estimate.low, estimate.high)
}

fn verdict(section: &ResultSection) -> String {
    let gain = section.comparison.error_reduction;
    let p = section.comparison.p_value;
    let p = if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") };
    match section.comparison.verdict {
        Verdict::Improvement => format!(
            "The trained model errs by {} marks less than the base model ({p}): a measurable improvement.",
            number(&gain)
        ),
        Verdict::NoMeasurableImprovement => format!(
            "No measurable improvement: the base model's error is {} marks larger ({p}).",
            number(&gain)
        ),
        Verdict::Deterioration => {
            let loss = Estimate { value: -gain.value, low: -gain.high, high: -gain.low };
            format!(
                "The trained model is worse: it errs by {} marks more than the base model ({p}).",
                number(&loss)
            )
        }
    }
}
