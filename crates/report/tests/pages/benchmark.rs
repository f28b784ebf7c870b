//! The page and the JSON of a benchmark.

use gradus_grading::metrics::Estimate;
use gradus_report::data::BenchmarkReport;
use gradus_report::{
    FORMAT_VERSION, ReportError, benchmark_from_json, benchmark_to_json, from_json, render_benchmark_html,
};

use crate::markup::{checked_charts, has_section, reaching, section, write_for_looking};
use crate::sample::benchmark::report;

const SECTIONS: [&str; 10] = [
    "accuracy",
    "caveats",
    "part-1",
    "part-2",
    "part-3",
    "measures",
    "notes",
    "marking",
    "making",
    "reproduce",
];

fn page(change: impl FnOnce(&mut BenchmarkReport)) -> String {
    let mut report = report();
    change(&mut report);
    render_benchmark_html(&report).expect("the page renders")
}

#[test]
fn a_full_benchmark_has_every_section() {
    let html = page(|_| {});
    write_for_looking("benchmark.html", &html);
    for id in SECTIONS {
        assert!(has_section(&html, id), "{id} is missing");
    }
    // Accuracy and loss in two widths; three charts a part.
    assert_eq!(checked_charts(&html), 4 + 3 * 3);
    assert_eq!(reaching(&html), None);
}

#[test]
fn a_benchmark_without_parts_says_so() {
    let html = page(|report| {
        report.parts.clear();
        report.notes.clear();
        report.caveats.clear();
        report.marking = None;
        report.robustness = None;
    });
    assert!(html.contains("Nothing was tested"));
    for id in SECTIONS {
        let stays = ["accuracy", "making", "reproduce"].contains(&id);
        assert_eq!(has_section(&html, id), stays, "{id}");
    }
}

#[test]
fn every_marker_has_its_numbers_with_intervals() {
    let html = page(|_| {});
    let part = section(&html, "part-1");
    assert!(
        part.contains(
            "540\u{a0}answers to 135\u{a0}questions: new answers to questions of the training part."
        )
    );
    assert!(part.contains(r#"data-label="Accuracy">0.740<small>0.703"#), "{part}");
    assert!(part.contains(r#"data-label="QWK">undefined</td>"#));
    for marker in ["trained model", "base model, untrained", "TF-IDF ridge", "majority"] {
        assert!(part.contains(&format!("<bdi>{marker}</bdi>")), "{marker}");
    }
}

#[test]
fn a_part_whose_questions_have_different_scales_has_no_f1() {
    let html = page(|report| {
        report.parts[0].markers.iter_mut().for_each(|one| (one.weighted_f1, one.macro_f1) = (None, None));
    });
    assert!(!section(&html, "part-1").contains("F1") && section(&html, "part-1").contains(">RMSE<"));
    assert!(section(&html, "part-2").contains(">Weighted F1<"));
}

#[test]
fn the_trained_model_is_told_beside_the_best_of_the_others() {
    let html = page(|_| {});
    assert!(section(&html, "part-1").contains("the best of the others, TF-IDF ridge, 62\u{a0}%"));
    assert!(section(&html, "part-1").contains("The difference lies beyond the uncertainty of both."));
    let close = page(|report| {
        let markers = &mut report.parts[0].markers;
        markers[2].accuracy = Estimate { value: 0.73, low: 0.70, high: 0.76 };
    });
    assert!(section(&close, "part-1").contains("The intervals overlap"));
    let worse = page(|report| {
        let markers = &mut report.parts[0].markers;
        markers[2].accuracy = Estimate { value: 0.83, low: 0.80, high: 0.86 };
    });
    assert!(section(&worse, "part-1").contains("It does worse"));
    let alone = page(|report| report.parts[0].markers.truncate(1));
    assert!(!section(&alone, "part-1").contains("best of the others"));
}

#[test]
fn genuine_answers_that_are_taken_for_orders_are_counted_where_the_model_knows_of_orders() {
    let part = |count| {
        let html = page(|report| report.parts[0].taken_for_orders = count);
        section(&html, "part-1").to_owned()
    };
    assert!(part(Some(2)).contains("the trained model takes 2 ("));
    assert!(!part(None).contains("words to the marker"));
}

#[test]
fn a_part_without_confidences_or_confusion_has_no_charts() {
    let html = page(|report| {
        let part = &mut report.parts[0];
        part.confusion = None;
        part.confidence.clear();
        part.risk_coverage.clear();
    });
    assert!(!section(&html, "part-1").contains("<svg"));
}

#[test]
fn verdicts_with_long_names_are_turned_and_cut() {
    let html = page(|report| {
        let confusion = report.parts[0].confusion.as_mut().unwrap();
        confusion.names[1] = "partially correct or incomplete, with a contradiction in it".into();
    });
    write_for_looking("long-names.html", &html);
    let part = section(&html, "part-1");
    assert!(part.contains(r#"text-anchor="end" transform="translate("#));
    assert!(part.contains("partially corre…"), "{part}");
}

#[test]
fn many_parts_are_spread_over_charts() {
    let html = page(|report| {
        let part = report.parts[0].clone();
        report.parts = vec![part; 16];
    });
    assert!(has_section(&html, "accuracy-3-wide-title") && !has_section(&html, "accuracy-4-wide-title"));
}

#[test]
fn accuracy_on_every_answer_is_not_shown_as_certain() {
    let html = page(|report| {
        report.parts[0].answers = 16;
        report.parts[0].markers[0].accuracy = Estimate { value: 1.0, low: 1.0, high: 1.0 };
    });
    assert!(section(&html, "part-1").contains("81\u{2060}–\u{2060}100\u{a0}%"));
}

#[test]
fn json_reads_back_the_same_and_is_not_taken_for_a_model_test() {
    let json = benchmark_to_json(&report()).unwrap();
    assert!(json.starts_with(&format!("{{\n  \"format_version\": {FORMAT_VERSION},")));
    assert!(benchmark_from_json(&json).unwrap() == report(), "what was read back differs");
    assert!(matches!(from_json(&json), Err(ReportError::Json(_))));
    let newer = json.replacen("\"format_version\": 1", "\"format_version\": 2", 1);
    assert!(matches!(benchmark_from_json(&newer), Err(ReportError::FormatVersion { found: 2, .. })));
}
