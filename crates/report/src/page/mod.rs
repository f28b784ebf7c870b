//! The page: what each part shows is decided here and below, as finished text; the templates only place
//! it. They escape all of it but [`Figure`] and the other templates nested in them.

mod facts;
mod figures;
mod tables;

use askama::Template;

use crate::ReportError;
use crate::advice::{Advice, advice};
use crate::data::TestReport;
use crate::intervals::with_widths;
use crate::verdict::{Headline, headline};
use facts::FactList;
use figures::Figure;
use tables::{AnswerTable, FindingRow, GroupRows, QuestionRow, ReviewNote};

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
    review_note: ReviewNote,
    review: AnswerTable,
    answers: AnswerTable,
    findings: Vec<FindingRow>,
    guide_rows: Vec<facts::GuideRow>,
    model: FactList,
    training: FactList,
    loss_figure: Option<Figure>,
    files: Vec<facts::FileRow>,
}

/// The report as one HTML page: style and charts inside, no script, no request to anywhere.
pub fn render_html(report: &TestReport) -> Result<String, ReportError> {
    let report = &with_widths(report);
    let page = Page {
        report,
        date: report.generated_at.format("%-d %B %Y, %H:%M UTC").to_string(),
        headline: headline(report),
        advice: advice(report),
        groups: tables::groups(&report.results),
        group_figure: figures::groups(&report.results),
        questions: tables::questions(report),
        question_figures: figures::questions(report),
        confusion_figures: figures::confusion(&report.confusion),
        confidence_figure: figures::confidence(&report.confidence),
        review_note: tables::review_note(report),
        review: tables::review(report),
        answers: tables::all_answers(report),
        findings: tables::findings(&report.data_findings),
        guide_rows: facts::guide(&report.guide),
        model: facts::model(&report.model),
        training: facts::training(&report.training),
        loss_figure: figures::loss(&report.training),
        files: facts::files(&report.reproduction.files),
    };
    Ok(page.render()?)
}
