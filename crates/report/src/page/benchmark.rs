//! The page of a benchmark: every marker on every part of a published set.

use askama::Template;
use gradus_grading::metrics::Estimate;

use super::facts::{self, FactList};
use super::figures::{self, Figure, Room};
use super::robustness::{Robustness, robustness};
use super::tables::Cell;
use super::trust::{Automatic, Marking, automatic, marking};
use super::written_date;
use crate::ReportError;
use crate::charts::{IntervalChart, IntervalRow, Series};
use crate::data::{BenchmarkPart, BenchmarkReport, MarkerResult};
use crate::intervals::benchmark_with_widths;
use crate::numbers::{counted, decimal, interval, percent, percent_interval, small_percent};

/// Parts whose markers fit in one chart on an A4 page.
const MOST_PARTS: usize = 7;

#[derive(Template)]
#[template(path = "benchmark.html")]
struct Page<'a> {
    report: &'a BenchmarkReport,
    date: String,
    accuracy_figures: Vec<Figure>,
    parts: Vec<Part>,
    robustness: Option<Robustness>,
    marking: Option<Marking>,
    model: FactList,
    training: FactList,
    loss_figure: Option<Figure>,
    files: Vec<facts::FileRow>,
}

/// One part of the set.
struct Part {
    number: usize,
    name: String,
    about: String,
    lead: String,
    orders: String,
    automatic: Vec<Automatic>,
    /// The columns of `markers`.
    measures: Vec<&'static str>,
    markers: Vec<MarkerRow>,
    figures: Vec<Figure>,
}

/// One marker's numbers.
struct MarkerRow {
    name: String,
    cells: Vec<Cell>,
}

/// The benchmark as one HTML page, in the manner of [`super::render_html`].
pub fn render_benchmark_html(report: &BenchmarkReport) -> Result<String, ReportError> {
    let report = &benchmark_with_widths(report);
    let page = Page {
        report,
        date: written_date(report.generated_at),
        accuracy_figures: accuracy_figures(&report.parts),
        parts: report.parts.iter().enumerate().map(|(index, it)| part(index + 1, it)).collect(),
        robustness: report.robustness.as_ref().map(|facts| robustness(facts, &|_| None)),
        marking: report.marking.as_ref().map(marking),
        model: facts::model(&report.model),
        training: facts::training(&report.training),
        loss_figure: figures::loss(&report.training),
        files: facts::files(&report.reproduction.files),
    };
    Ok(page.render()?)
}

fn accuracy_figures(parts: &[BenchmarkPart]) -> Vec<Figure> {
    let names = marker_names(parts);
    let row = |part: &BenchmarkPart| {
        let accuracy = |name: &&str| {
            part.markers.iter().find(|marker| marker.name == **name).map(|marker| marker.accuracy)
        };
        IntervalRow {
            label: part.name.clone(),
            note: counted(part.answers, "answer", "answers"),
            values: names.iter().map(accuracy).collect(),
        }
    };
    let rows: Vec<IntervalRow> = parts.iter().map(row).collect();
    let figure = |(index, rows): (usize, &[IntervalRow])| {
        let series = Series::of_names(&names);
        let chart = IntervalChart { axis_title: "Right verdict (% of answers)", series, rows };
        let caption = "How often each marker gives the set’s own verdict (accuracy). Lines are 95\u{a0}% \
                       intervals; further right is better.";
        figures::dots(format!("accuracy-{}", index + 1), "Accuracy by part", caption, &chart)
    };
    rows.chunks(MOST_PARTS).enumerate().filter_map(figure).collect()
}

/// Every marker once, in the order of the parts.
fn marker_names(parts: &[BenchmarkPart]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for marker in parts.iter().flat_map(|part| &part.markers) {
        if !names.contains(&marker.name.as_str()) {
            names.push(&marker.name);
        }
    }
    names
}

fn part(number: usize, part: &BenchmarkPart) -> Part {
    let id = |chart: &str| format!("part-{number}-{chart}");
    let confusion =
        part.confusion.as_ref().and_then(|confusion| figures::verdict_confusion(id("confusion"), confusion));
    // A set whose questions have different scales has no F1.
    let has_f1 = part.markers.iter().any(|marker| marker.weighted_f1.is_some());
    let rows: Vec<MarkerRow> = part.markers.iter().map(|marker| marker_row(marker, has_f1)).collect();
    let confidence = figures::confidence(id("confidence"), &part.confidence, Room::Column);
    let coverage = figures::coverage(id("coverage"), &part.risk_coverage, None, Room::Column);
    Part {
        number,
        name: part.name.clone(),
        about: format!(
            "{} to {}: {}.",
            counted(part.answers, "answer", "answers"),
            counted(part.questions, "question", "questions"),
            part.kind
        ),
        lead: lead(&part.markers),
        orders: part.taken_for_orders.map(|count| orders(count, part.answers)).unwrap_or_default(),
        automatic: part.automatic.iter().map(automatic).collect(),
        measures: rows
            .first()
            .map(|row| row.cells.iter().map(|cell| cell.label).collect())
            .unwrap_or_default(),
        markers: rows,
        figures: [confusion, confidence, coverage].into_iter().flatten().collect(),
    }
}

/// How many genuine answers seem to speak to the marker.
fn orders(count: usize, answers: usize) -> String {
    let share = small_percent(count as f64 / answers.max(1) as f64);
    format!(
        "All of these answers are genuine; the trained model takes {count} ({share}) for words to the marker, so that a \
         person has to look at them."
    )
}

/// The trained model beside the best of the others; empty where it stands alone.
fn lead(markers: &[MarkerResult]) -> String {
    let Some((trained, others)) = markers.split_first() else {
        return String::new();
    };
    let share = |accuracy: &Estimate| format!("{} ({})", percent(accuracy.value), percent_interval(accuracy));
    let mine = format!("Right verdicts: {} {}", trained.name, share(&trained.accuracy));
    let best = others.iter().max_by(|a, b| a.accuracy.value.total_cmp(&b.accuracy.value));
    let Some(best) = best else {
        return format!("{mine}.");
    };
    let finding = if trained.accuracy.low > best.accuracy.high {
        "The difference lies beyond the uncertainty of both."
    } else if trained.accuracy.high < best.accuracy.low {
        "It does worse, beyond the uncertainty of both."
    } else {
        "The intervals overlap, so this part alone does not settle which is right more often."
    };
    format!("{mine}; the best of the others, {}, {}. {finding}", best.name, share(&best.accuracy))
}

fn marker_row(marker: &MarkerResult, with_f1: bool) -> MarkerRow {
    let estimate = |label, estimate: &Estimate| Cell {
        label,
        value: decimal(estimate.value, 3),
        interval: interval(estimate, 3),
    };
    let number = |label, value: f64| Cell {
        label,
        value: if value.is_finite() { decimal(value, 3) } else { "undefined".to_owned() },
        interval: String::new(),
    };
    let optional = |label, value: &Option<Estimate>| match value {
        Some(value) => estimate(label, value),
        None => number(label, f64::NAN),
    };
    let f1 = || [optional("Weighted F1", &marker.weighted_f1), optional("Macro F1", &marker.macro_f1)];
    let mut cells = vec![estimate("Accuracy", &marker.accuracy)];
    cells.extend(with_f1.then(f1).into_iter().flatten());
    cells.extend([
        estimate("RMSE", &marker.root_mean_squared_error),
        optional("QWK", &marker.quadratic_weighted_kappa),
        number("Log loss", marker.log_loss),
        number("ECE", marker.expected_calibration_error),
        number("Brier", marker.brier),
    ]);
    MarkerRow { name: marker.name.clone(), cells }
}
