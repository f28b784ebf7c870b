//! The page: what each part shows is decided here and below, as finished text; the templates only place
//! it. They escape all of it but [`Figure`] and the other templates nested in them.

mod answers;
mod benchmark;
mod facts;
mod figures;
mod robustness;
mod tables;
mod trust;

use askama::Template;
use chrono::{DateTime, Utc};

use gradus_grading::guide::QuestionId;

use crate::ReportError;
use crate::advice::{Advice, advice};
use crate::data::TestReport;
use crate::intervals::with_widths;
use crate::verdict::{Headline, headline};
use answers::{AnswerTable, ReviewNote};
pub use benchmark::render_benchmark_html;
use facts::FactList;
use figures::{Figure, Room};
use robustness::Robustness;
use tables::{FindingRow, GroupRows, QuestionRow};
use trust::{Automatic, Marking, ScoreRow};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a TestReport,
    date: String,
    headline: Headline,
    advice: Option<Advice>,
    groups: Vec<GroupRows>,
    group_figure: Option<Figure>,
    questions: Vec<QuestionRow>,
    question_figures: Vec<Figure>,
    confusion_figures: Vec<Figure>,
    confidence_figure: Option<Figure>,
    scores: Vec<ScoreRow>,
    automatic: Vec<Automatic>,
    coverage_figure: Option<Figure>,
    robustness: Option<Robustness>,
    review_note: ReviewNote,
    review: AnswerTable,
    answers: AnswerTable,
    findings: Vec<FindingRow>,
    guide_rows: Vec<facts::GuideRow>,
    marking: Option<Marking>,
    model: FactList,
    training: FactList,
    loss_figure: Option<Figure>,
    files: Vec<facts::FileRow>,
}

/// The report as one HTML page: style and charts inside, no script, no request to anywhere.
pub fn render_html(report: &TestReport) -> Result<String, ReportError> {
    let report = &with_widths(report);
    let maximum = |id: &QuestionId| report.question(id).map(|facts| facts.max_marks);
    let page = Page {
        report,
        date: written_date(report.generated_at),
        headline: headline(report),
        advice: advice(report),
        groups: tables::groups(&report.results),
        group_figure: figures::groups(&report.results),
        questions: tables::questions(report),
        question_figures: figures::questions(report),
        confusion_figures: figures::confusion(&report.confusion),
        confidence_figure: figures::confidence("confidence".into(), &report.confidence, Room::Page),
        scores: report.confidence_quality.iter().flat_map(trust::scores).collect(),
        automatic: report.automatic.iter().map(trust::automatic).collect(),
        coverage_figure: figures::coverage(
            "coverage".into(),
            &report.risk_coverage,
            report.automatic.first(),
            Room::Page,
        ),
        robustness: report.robustness.as_ref().map(|facts| robustness::robustness(facts, &maximum)),
        review_note: answers::review_note(report),
        review: answers::review(report),
        answers: answers::all_answers(report),
        findings: tables::findings(&report.data_findings),
        guide_rows: facts::guide(&report.guide),
        marking: report.marking.as_ref().map(trust::marking),
        model: facts::model(&report.model),
        training: facts::training(&report.training),
        loss_figure: figures::loss(&report.training),
        files: facts::files(&report.reproduction.files),
    };
    Ok(page.render()?)
}

fn written_date(time: DateTime<Utc>) -> String {
    time.format("%-d %B %Y, %H:%M UTC").to_string()
}
