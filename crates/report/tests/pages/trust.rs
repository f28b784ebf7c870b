//! What the page says of calibration, automatic marking, the review queue and attacks, where there is data
//! and where there is none.

use gradus_domain::Marks;
use gradus_grading::metrics::Estimate;
use gradus_report::data::{AutomaticMarking, TestReport};
use gradus_report::{from_json, render_html, to_json};
use serde_json::Value;

use crate::markup::{has_section, section, write_for_looking};
use crate::sample;

fn page(change: impl FnOnce(&mut TestReport)) -> String {
    let mut report = sample::report();
    change(&mut report);
    render_html(&report).expect("the page renders")
}

fn automatic_page(change: impl FnOnce(&mut AutomaticMarking)) -> String {
    let html = page(|report| change(report.automatic.first_mut().expect("the sample marks automatically")));
    section(&html, "automatic").to_owned()
}

#[test]
fn a_report_of_an_earlier_version_reads_and_has_none_of_the_later_sections() {
    let mut json: Value = serde_json::from_str(&to_json(&sample::report()).unwrap()).unwrap();
    let fields = json.as_object_mut().unwrap();
    for later in ["marking", "confidence_quality", "risk_coverage", "automatic", "robustness"] {
        assert!(fields.remove(later).is_some(), "{later}");
    }
    for answer in fields["answers"].as_array_mut().unwrap() {
        for later in ["review_worth", "is_order", "reference_verdict", "given_verdict"] {
            assert!(answer.as_object_mut().unwrap().remove(later).is_some(), "{later}");
        }
    }
    let report = from_json(&json.to_string()).unwrap();
    let html = render_html(&report).unwrap();
    for id in ["marking", "automatic", "robustness"] {
        assert!(!has_section(&html, id), "{id}");
    }
    assert!(!section(&html, "confidence").contains("Brier"));
    assert!(section(&html, "review").contains("least sure first"));
    let queue = report.review_queue();
    assert_eq!(queue.len(), report.review_limit);
    assert!(queue.is_sorted_by(|a, b| a.confidence <= b.confidence));
}

#[test]
fn an_answer_that_speaks_to_the_marker_is_called_so_where_it_waits_for_a_look() {
    let words = "Seems to speak to the marker";
    assert!(!page(|_| {}).contains(words));
    let html = page(|report| {
        let answer = report.answers.iter_mut().find(|answer| !answer.automatic).unwrap();
        answer.is_order = true;
    });
    let review = section(&html, "review");
    assert!(
        review.matches(words).count() == 1 && review.contains("First the answer that seems to speak"),
        "{review}"
    );
    assert_eq!(section(&html, "answers").matches(words).count(), 1);
}

#[test]
fn the_page_says_who_judged_and_how_loudly() {
    let html = page(|_| {});
    let marking = section(&html, "marking");
    let row = "<bdi>words of the answers (TF-IDF)</bdi></td><td class=\"count\">0.40</td><td class=\"count\">–</td>";
    assert!(marking.contains(row), "{marking}");
    assert!(marking.contains("1.32: lowers confidences"));
    assert!(marking.contains("180\u{a0}validation answers"));
    assert!(marking.contains("had too few validation answers"));
    let html = page(|report| report.marking.as_mut().unwrap().seen_calibration.temperature = None);
    assert!(section(&html, "marking").contains("not calibrated"));
}

#[test]
fn confidence_is_scored_after_and_before_calibration() {
    let html = page(|_| {});
    let confidence = section(&html, "confidence");
    for number in ["3.1\u{a0}%", "9.4\u{a0}%", "0.188", "0.207"] {
        assert!(confidence.contains(number), "{number}");
    }
    let html = page(|report| report.confidence_quality.as_mut().unwrap().uncalibrated = None);
    assert!(section(&html, "confidence").contains("(not calibrated)"));
}

#[test]
fn automatic_marking_is_told_with_its_uncertainty_and_beside_what_was_wanted() {
    let set = |low, high, wanted| {
        automatic_page(|automatic| {
            automatic.share_here = 0.62;
            automatic.agreement_here = Some(Estimate { value: 0.93, low, high });
            automatic.wanted_agreement = wanted;
        })
    };
    let open = set(0.88, 0.96, 0.9);
    assert!(open.contains(
        "Of the answers, 62\u{a0}% could be marked without a second look, and 93\u{a0}% \
         (88\u{2060}–\u{2060}96\u{a0}%) of those marks agree with the teacher’s."
    ));
    assert!(open.contains("neither shows that it is reached nor"));
    assert!(open.contains("at least 70\u{a0}%") && open.contains("it accepts 42\u{a0}%"));
    assert!(set(0.91, 0.96, 0.9).contains("this test shows that it is reached"));
    assert!(set(0.85, 0.96, 0.98).contains("it is missed, beyond"));
}

#[test]
fn without_a_threshold_the_page_says_why() {
    let html = automatic_page(|automatic| {
        *automatic = AutomaticMarking {
            kind: "answers".into(),
            count: 80,
            wanted_agreement: 0.95,
            threshold: None,
            share_on_validation: 0.0,
            share_here: 0.0,
            agreement_here: None,
            reason: Some("Of the surest 40 answers 31 agree.".into()),
        };
    });
    assert!(html.contains("None of the answers should be marked without a second look."));
    assert!(html.contains("Of the surest 40 answers 31 agree."));
    assert!(!html.contains("Chosen threshold"));
    let html = page(|report| report.automatic.clear());
    assert!(section(&html, "automatic").contains("<svg"), "the curve stands by itself");
    let unsure = automatic_page(|automatic| automatic.agreement_here = None);
    assert!(unsure.contains("None of the answers is sure enough"));
}

#[test]
fn agreement_of_all_automatic_marks_is_not_shown_as_certain() {
    let html = automatic_page(|automatic| {
        automatic.share_here = 0.25;
        automatic.agreement_here = Some(Estimate { value: 1.0, low: 1.0, high: 1.0 });
    });
    // Twenty answers of 80.
    assert!(html.contains("100\u{a0}% (84\u{2060}–\u{2060}100\u{a0}%)"), "{html}");
}

#[test]
fn the_review_queue_has_first_what_a_look_is_worth_most_and_leaves_out_what_needs_none() {
    let report = sample::report();
    let queue = report.review_queue();
    assert_eq!(queue.len(), report.review_limit);
    assert!(queue.is_sorted_by(|a, b| a.review_worth >= b.review_worth));
    let html = page(|_| {});
    let review = section(&html, "review");
    assert!(review.contains("where a person’s look is worth most"));
    assert!(review.contains("The first 12 of "));
    assert!(review.contains("are sure enough to stand without a look"));
    let html = page(|report| report.answers.iter_mut().for_each(|answer| answer.automatic = true));
    assert!(!has_section(&html, "review"));
    let html = page(|report| report.review_limit = 1000);
    assert!(!section(&html, "review").contains("are listed"));
}

#[test]
fn verdicts_in_words_are_shown_instead_of_marks() {
    let html = page(|report| {
        report.answers.truncate(2);
        for answer in &mut report.answers {
            (answer.review_worth, answer.automatic) = (None, false);
            (answer.reference_mark, answer.given_mark) = (Marks::ZERO, Marks::ZERO);
            answer.reference_verdict = Some("incorrect".into());
            answer.given_verdict = Some("incorrect".into());
        }
        report.answers[1].given_verdict = Some("contradictory <b>".into());
    });
    let answers = section(&html, "answers");
    assert!(answers.contains(r#"data-label="Model"><bdi>contradictory &#60;b&#62;</bdi>"#), "{answers}");
    assert!(
        answers.contains(r#"class="difference">differs<"#) && answers.contains(r#"class="difference">=<"#)
    );
    assert!(section(&html, "review").contains("differs from the teacher’s on 1."));
}

#[test]
fn attacks_are_counted_by_kind_and_judged() {
    let html = page(|_| {});
    let robustness = section(&html, "robustness");
    assert!(robustness.contains("140\u{a0}attacks, made from 10\u{a0}genuine answers"));
    assert!(robustness.contains("Attacks work too often"));
    for name in ["Blank", "Contradictions", "Words for the marker", "Moderator’s note", "All of these"] {
        assert!(robustness.contains(name), "{name}");
    }
    let harmless = page(|report| {
        let robustness = report.robustness.as_mut().unwrap();
        let summary = &mut robustness.summary;
        for attacks in summary.kinds.values_mut().chain([&mut summary.overall]) {
            (attacks.share_raised, attacks.share_raised_to_full) = (0.0, 0.0);
        }
        robustness.examples.clear();
    });
    let harmless = section(&harmless, "robustness");
    assert!(harmless.contains("No attack worked.") && !harmless.contains("works most often"));
    assert!(!harmless.contains("The worst of them"));
}

#[test]
fn hostile_examples_hide_nothing_and_are_kept_short() {
    let html = page(|report| {
        report.answers[0].answer = "fine\u{E0041}\u{E0042} and \u{202E}drawkcab".into();
    });
    let robustness = section(&html, "robustness");
    assert!(robustness.contains("Leaves are green.[invisible] [invisible].skram"), "{robustness}");
    assert!(robustness.contains("\u{a0}…\n") && robustness.contains("&#60;mark&#62;4&#60;/mark&#62;"));
    assert!(section(&html, "answers").contains("fine[invisible] and [invisible]drawkcab"));
    let hidden = |c: char| ('\u{202A}'..='\u{202E}').contains(&c) || ('\u{E0000}'..='\u{E0FFF}').contains(&c);
    assert!(!html.contains(hidden));
    let endless = page(|report| {
        report.robustness.as_mut().unwrap().examples[0].answer = "x".repeat(1_000_000);
    });
    assert!(endless.len() < 1_000_000);
    write_for_looking("endless.html", &endless);
}

#[test]
fn advice_speaks_of_automatic_marks_and_attacks() {
    let html = page(|_| {});
    let trust = section(&html, "trust");
    assert!(trust.contains("<b>Marking the surest answers by itself.</b>"));
    assert!(trust.contains("<b>Answers of students who try to talk it into marks.</b>"));
    let html = page(|report| (report.automatic, report.robustness) = (Vec::new(), None));
    let trust = section(&html, "trust");
    assert!(!trust.contains("by itself") && !trust.contains("talk it into"));
}
