//! What the page and the JSON hold: every section when there is data, none when there is not, charts
//! that are XML, and nothing that reaches out.

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use gradus_grading::metrics::{ConfusionMatrix, Estimate, Verdict};
use gradus_report::data::{ConfusionPanel, LossPoint, MarkScale, QuestionResult, Results, TestReport};
use gradus_report::{FORMAT_VERSION, ReportError, from_json, render_html, to_json};

use crate::markup::{checked_charts, has_section, reaching, write_for_looking};
use crate::sample;

const SECTIONS: [&str; 17] = [
    "verdict",
    "trust",
    "caveats",
    "results",
    "questions",
    "confusion",
    "confidence",
    "automatic",
    "review",
    "answers",
    "robustness",
    "findings",
    "documents",
    "marking",
    "making",
    "guide",
    "reproduce",
];

/// Without measurements and without anything that was read.
fn empty_report() -> TestReport {
    let mut report = sample::report();
    report.results = Results { overall: None, seen_questions: None, unseen_questions: None };
    report.by_question.clear();
    report.confusion.clear();
    report.confidence.clear();
    report.confidence_quality = None;
    report.risk_coverage.clear();
    report.automatic.clear();
    report.robustness = None;
    report.marking = None;
    report.answers.clear();
    report.data_findings.clear();
    report.documents.clear();
    report.caveats.clear();
    report.training.train_loss.clear();
    report.training.validation_loss.clear();
    report
}

/// The sample, with its verdict replaced and the difference moved to fit it.
fn report_with(verdict: Verdict, low: f64, high: f64) -> TestReport {
    let mut report = sample::report();
    let comparison = &mut report.results.overall.as_mut().expect("the sample has results").comparison;
    comparison.verdict = verdict;
    comparison.error_reduction = Estimate { value: f64::midpoint(low, high), low, high };
    report
}

#[test]
fn a_full_report_has_every_section() {
    let html = render_html(&sample::report()).unwrap();
    for id in SECTIONS {
        assert!(has_section(&html, id), "{id} is missing");
    }
    write_for_looking("report.html", &html);
    write_for_looking("report.json", &to_json(&sample::report()).unwrap());
}

#[test]
fn a_report_without_results_says_so_and_leaves_their_sections_out() {
    let html = render_html(&empty_report()).unwrap();
    assert!(html.contains("Nothing was tested"));
    for id in SECTIONS {
        let stays = ["verdict", "making", "guide", "reproduce"].contains(&id);
        assert_eq!(has_section(&html, id), stays, "{id}");
    }
    assert!(!html.contains("<svg"));
}

#[test]
fn a_group_without_answers_is_absent_and_its_lack_is_told() {
    let mut report = sample::report();
    report.results.unseen_questions = None;
    let html = render_html(&report).unwrap();
    assert!(!html.contains(">Unseen questions"));
    assert!(html.contains("None were tested, so nothing is known about them."));
}

#[test]
fn the_headline_speaks_the_numbers_and_their_uncertainty() {
    let mut report = sample::report();
    let overall = report.results.overall.as_mut().unwrap();
    let estimate = |value, low, high| Estimate { value, low, high };
    overall.trained.exact_agreement = estimate(0.6375, 0.53, 0.741);
    overall.human.as_mut().unwrap().exact_agreement = estimate(0.76, 0.66, 0.85);
    let html = render_html(&report).unwrap();
    let lead = "The trained model’s mark equals the teacher’s on 64\u{a0}% of 80\u{a0}answers \
                (95\u{a0}% interval 53\u{2060}–\u{2060}74\u{a0}%); a second human marker’s does on 76\u{a0}%";
    assert!(html.contains(lead));
    assert!(html.contains("Only 80\u{a0}answers were tested"));
}

#[test]
fn no_improvement_and_a_deterioration_are_told_as_such() {
    let unclear = render_html(&report_with(Verdict::NoMeasurableImprovement, -0.1, 0.3)).unwrap();
    assert!(unclear.contains("No measurable improvement over the untrained model"));
    assert!(!unclear.contains("Training helped"));
    let worse = render_html(&report_with(Verdict::Deterioration, -0.6, -0.2)).unwrap();
    assert!(worse.contains("The trained model marks worse than the untrained one"));
    assert!(worse.contains("<b>Marking at all.</b>"));
    assert!(!worse.contains("This test supports"));
}

/// Forty questions with long names, whole marks up to 20, and words without spaces.
fn large_report() -> TestReport {
    let mut report = sample::report();
    let row = report.by_question[0].clone();
    report.by_question = (1..=40)
        .map(|number| QuestionResult {
            question: QuestionId(format!("{number}(iii)-long-name-{}", "x".repeat(number))),
            ..row.clone()
        })
        .collect();
    report.confusion[0] = ConfusionPanel {
        marker: "Trained model".into(),
        scale: MarkScale::Marks,
        matrix: ConfusionMatrix {
            marks: (0..=20).map(|mark| Marks::from_thousandths(mark * 1000)).collect(),
            counts: (0..21)
                .map(|row| (0..21).map(|column| u32::from(row == column) * 137).collect())
                .collect(),
        },
    };
    report.answers[0].answer = "unbroken".repeat(100);
    report.training.train_loss = (1..=5000).map(|step| LossPoint { step, loss: 9.0 / step as f64 }).collect();
    report
}

#[test]
fn a_large_exam_is_spread_over_charts_that_fit_a_page() {
    let html = render_html(&large_report()).unwrap();
    write_for_looking("large.html", &html);
    assert!(html.contains(r#"id="questions-3-wide-title""#));
    assert!(!html.contains(r#"id="questions-4-wide-title""#));
    for drawing in html.split("viewBox=\"0 0 ").skip(1) {
        let size = drawing.split('"').next().unwrap();
        let (width, height) = size.split_once(' ').unwrap();
        let (width, height): (f64, f64) = (width.parse().unwrap(), height.parse().unwrap());
        // A4 less margins is 180 by 263 mm; a third of the height is left to captions.
        assert!(width <= 344.0 || height / width < 263.0 / 180.0, "{size}");
    }
    let loss = html.split(r#"id="loss-wide-title""#).nth(1).unwrap().split("</svg>").next().unwrap();
    assert!(loss.len() < 10_000, "{} bytes", loss.len());
}

#[test]
fn few_students_are_warned_of() {
    let mut report = sample::report();
    assert!(!render_html(&report).unwrap().contains("Few students."));
    report.answers.truncate(15);
    let html = render_html(&report).unwrap();
    assert!(html.contains("The answers come from 3\u{a0}students only."));
}

#[test]
fn agreement_on_every_answer_is_not_shown_as_certain() {
    let mut report = sample::report();
    let certain = Estimate { value: 1.0, low: 1.0, high: 1.0 };
    report.by_question[0].trained.exact_agreement = certain;
    let html = render_html(&report).unwrap();
    assert!(html.contains("81\u{2060}–\u{2060}100\u{a0}%"));
    assert!(!html.contains("100\u{2060}–\u{2060}100\u{a0}%"));
}

#[test]
fn a_large_test_has_no_warning_of_few_answers() {
    let mut report = sample::report();
    report.results.overall.as_mut().unwrap().count = 100;
    assert!(!render_html(&report).unwrap().contains("Few answers."));
}

#[test]
fn every_chart_is_well_formed_xml_with_a_unique_name() {
    let html = render_html(&sample::report()).unwrap();
    // Groups, questions, confidence, coverage and loss in two widths; two confusion matrices in one.
    assert_eq!(checked_charts(&html), 12);
}

#[test]
fn charts_survive_numbers_that_are_not_finite_and_single_points() {
    let mut report = sample::report();
    report.training.train_loss.truncate(1);
    report.training.validation_loss.clear();
    report.training.best_step = None;
    let nan = Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN };
    report.by_question[0].trained.exact_agreement = nan;
    let html = render_html(&report).unwrap();
    let charts = html.split("<svg").skip(1).map(|rest| rest.split("<desc").next().unwrap());
    assert!(charts.clone().count() > 0);
    for drawing in html.split("</desc>").skip(1).map(|rest| rest.split("</svg>").next().unwrap()) {
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
    }
}

#[test]
fn the_page_runs_no_script_and_reaches_nothing() {
    assert_eq!(reaching(&render_html(&sample::report()).unwrap()), None);
}

#[test]
fn json_leads_with_its_format_version_and_reads_back_the_same() {
    let report = sample::report();
    let json = to_json(&report).unwrap();
    assert!(json.starts_with(&format!("{{\n  \"format_version\": {FORMAT_VERSION},")));
    let back = from_json(&json).unwrap();
    assert!(back == report, "what was read back differs");
}

#[test]
fn json_of_another_format_version_is_refused() {
    let json = to_json(&sample::report()).unwrap();
    let newer = json.replacen("\"format_version\": 1", "\"format_version\": 2", 1);
    let error = from_json(&newer).unwrap_err();
    assert!(matches!(error, ReportError::FormatVersion { found: 2, known: 1 }), "{error}");
}
