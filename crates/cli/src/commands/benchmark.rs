//! `gradus benchmark`: training and testing on a public set of marked answers.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gradus_app::benchmark::{
    Baselines, BenchmarkRequest, Measurements, TestedParts, dataset, run_benchmark, tested_parts,
    write_benchmark,
};
use gradus_app::grading::import::public::{HoldOut, PartKind, PublicSet, hold_out};
use gradus_app::grading::metrics::Estimate;
use gradus_app::public_sets::read_public_set;
use gradus_app::report::BenchmarkReport;
use gradus_app::report::data::{BenchmarkPart, MarkerResult};
use gradus_app::robustness::Attacks;
use gradus_app::training::TrainingSource;

use crate::again::Again;
use crate::environment::Environment;
use crate::output;
use crate::run::RunOptions;
use crate::share;
use crate::trust::{attacks_table, automatic_line, orders_line};

/// Train and test on a public set of marked answers, beside baselines
///
/// Reads JSON lines, the XML or JSON of SAF, the XML of SemEval-2013 task 7 (SciEntsBank, Beetle) and the
/// TSV of ASAP-SAS: you bring your own copy. A part of the training answers is held out to calibrate with
/// and to choose by; the tests of the set are marked once, when training is over. The same command gives
/// the same figures again; one that was interrupted goes on where it was.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus benchmark sciEntsBank.jsonl --output benchmark\n  gradus benchmark SAF/ --output benchmark --json >> results.jsonl\n  gradus benchmark beetle.jsonl --output trial --parts validation --epochs 2"
)]
pub(crate) struct Arguments {
    /// The set: a file, or a folder of files
    set: PathBuf,
    /// Question texts and model answers for a set that has none of its own: a marking guide
    #[arg(long, value_name = "FILE")]
    guide: Option<PathBuf>,
    /// Holds the training run, the report and, in the end, the trained model
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// What to test on: the set's tests, or the held-out part of its training answers (to choose settings
    /// by, so that the tests stay unseen)
    #[arg(long, value_enum, default_value = "tests")]
    parts: Parts,
    /// Share of the answers to each training question that is held out [default: 0.1, or 0 where the set has
    /// a validation part]
    #[arg(long, value_name = "SHARE", value_parser = share::held_out)]
    validation_answers: Option<f64>,
    /// Share of the training questions that is held out whole, at least one where it is above 0 [default:
    /// 0.1, or 0 where the set has a validation part]
    #[arg(long, value_name = "SHARE", value_parser = share::held_out)]
    validation_questions: Option<f64>,
    /// Decides what is held out
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    validation_seed: u64,
    /// Only the trained model: no majority, no lexical model, no untrained base model
    #[arg(long)]
    no_baselines: bool,
    /// Also mark answers made to mislead: worthless texts, contradictions, orders to the marker
    #[arg(long)]
    robustness: bool,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Parts {
    /// The set's own tests
    Tests,
    /// What was held out of its training answers
    Validation,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let set = read_set(arguments)?;
    let parts = match arguments.parts {
        Parts::Tests => TestedParts::Tests,
        Parts::Validation => TestedParts::Validation,
    };
    tested_parts(&set, parts)?;
    let source =
        TrainingSource::Marking { dataset: Box::new(dataset(&set)?), synthetic: arguments.run.synthetic() };
    let mut ready = arguments.run.ready(source, environment)?;
    let measurements = Measurements {
        parts,
        baselines: if arguments.no_baselines { Baselines::Skipped } else { Baselines::Measured },
        attacks: if arguments.robustness { Attacks::Tried } else { Attacks::Skipped },
    };
    let model_source = environment.source_of(&arguments.run.model);
    let report = environment.watch(|session| {
        set.notes.iter().for_each(|note| session.watcher.note(note));
        let model = ready.train(&arguments.output, session)?;
        let dataset = ready.prepared.dataset.as_ref();
        let request = BenchmarkRequest {
            set: &set,
            findings: dataset.map_or(&[], |dataset| &dataset.findings),
            model: &model,
            model_source,
            measurements,
            command: Again::as_given(environment).into_line(),
        };
        run_benchmark(&request, &mut ready.runtime, session)
    })?;
    let (html, json) = write_benchmark(&report, &arguments.output)?;
    show(&report, environment)?;
    if environment.json {
        return output::print_json(
            &serde_json::json!({ "event": "finished", "report": html, "report_json": json }),
        );
    }
    output::print(format!("Report: {}", html.display()));
    Ok(())
}

fn read_set(arguments: &Arguments) -> anyhow::Result<PublicSet> {
    let set = read_public_set(&arguments.set, arguments.guide.as_deref(), &arguments.output)?;
    let has_validation = set.parts.iter().any(|part| part.kind == PartKind::Validation);
    let usual = if has_validation { 0.0 } else { 0.1 };
    let held_out = HoldOut {
        answers_share: arguments.validation_answers.unwrap_or(usual),
        questions_share: arguments.validation_questions.unwrap_or(usual),
        seed: arguments.validation_seed,
    };
    Ok(hold_out(set, held_out))
}

fn show(report: &BenchmarkReport, environment: &Environment) -> anyhow::Result<()> {
    for part in &report.parts {
        if environment.json {
            let mut line = serde_json::to_value(part)?;
            line["event"] = "part".into();
            line["set"] = report.set.clone().into();
            output::print_json(&line)?;
            continue;
        }
        let BenchmarkPart { name, answers, questions, .. } = part;
        output::print(format!("{}, {name}: {answers} answers to {questions} questions", report.set));
        output::print(format!("{}\n", output::table(&rows(&part.markers))));
        part.taken_for_orders
            .iter()
            .for_each(|count| output::print(format!("{}\n", orders_line(*count, *answers))));
        part.automatic.iter().for_each(|automatic| output::print(format!("{}\n", automatic_line(automatic))));
    }
    if let Some(robustness) = &report.robustness {
        if environment.json {
            let line = serde_json::json!({ "event": "robustness", "set": report.set, "summary": robustness.summary });
            return output::print_json(&line);
        }
        output::print(format!("{}\n", attacks_table(&robustness.summary)));
    }
    Ok(())
}

fn rows(markers: &[MarkerResult]) -> Vec<Vec<String>> {
    let header = ["MARKER", "ACCURACY", "WEIGHTED F1", "RMSE OF MAXIMUM", "KAPPA (QWK)", "ECE", "LOG LOSS"];
    let shown =
        |estimate: &Estimate| format!("{:.3} ({:.3}–{:.3})", estimate.value, estimate.low, estimate.high);
    let optional = |estimate: &Option<Estimate>| estimate.as_ref().map_or("–".to_owned(), shown);
    let row = |one: &MarkerResult| {
        vec![
            one.name.clone(),
            shown(&one.accuracy),
            optional(&one.weighted_f1),
            shown(&one.root_mean_squared_error),
            optional(&one.quadratic_weighted_kappa),
            format!("{:.3}", one.expected_calibration_error),
            format!("{:.3}", one.log_loss),
        ]
    };
    std::iter::once(header.map(str::to_owned).to_vec()).chain(markers.iter().map(row)).collect()
}
