//! Papers in the layouts that students use, each split as `tests/papers/*.json` says.

mod guide_notation;

use std::sync::LazyLock;

use gradus_domain::text::StructuredText;
use gradus_grading::guide::{Guide, parse_guide};
use gradus_grading::paper::{PaperError, PaperReading, parse_paper};
use guide_notation::{compare_with_expected, document, fixtures, slice};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The guide that a paper's first line names: `~guide subparts`.
fn guide_of(source: &str) -> Guide {
    let name = source.lines().next().and_then(|line| line.strip_prefix("~guide ")).expect("a guide's name");
    guide_named(name)
}

fn guide_named(name: &str) -> Guide {
    let path = fixtures("guides")
        .into_iter()
        .find(|path| path.file_stem().is_some_and(|stem| stem == name))
        .expect("that guide");
    let source = std::fs::read_to_string(path).expect("a fixture");
    parse_guide(&document(&source)).expect("a guide").guide
}

fn summary(text: &StructuredText, reading: &PaperReading) -> Value {
    let answers: Vec<Value> = reading
        .answers
        .iter()
        .map(|answer| {
            json!([
                answer.question,
                answer.answer,
                slice(text, answer.span).chars().take(16).collect::<String>(),
                answer.page
            ])
        })
        .collect();
    let unread: Vec<Value> =
        reading.unread.iter().map(|passage| json!([passage.reason, passage.text])).collect();
    json!({ "student": reading.student, "answers": answers, "missing": reading.missing, "unread": unread })
}

#[test]
fn papers_are_split_in_every_layout() {
    compare_with_expected("papers", |source| {
        let text = document(source);
        match parse_paper(&text, &guide_of(source)) {
            Ok(reading) => summary(&text, &reading),
            Err(error) => json!({ "error": error.to_string() }),
        }
    });
}

#[test]
fn a_paper_without_text_is_refused() {
    let guide = guide_named("plain_parts");
    assert_eq!(parse_paper(&document(""), &guide), Err(PaperError::Empty));
}

#[test]
fn a_paper_without_answers_is_refused_and_told_what_was_looked_for() {
    let guide = guide_named("plain_parts");
    let error = parse_paper(&document("Dear teacher,\nI was ill."), &guide).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("(1, 2a, 2b, 3)"), "{message}");
    assert!(message.contains("\"Question 1\""), "{message}");
}

fn any_paper() -> impl Strategy<Value = StructuredText> {
    let piece = prop_oneof![
        Just("Question 1".to_owned()),
        Just("2. (a)".to_owned()),
        Just("(b)".to_owned()),
        Just("{2.} Ǆ x".to_owned()),
        Just("| 3 | glucose ⏎ é |".to_owned()),
        Just("Explain what osmosis is. [2]".to_owned()),
        Just("Name: é".to_owned()),
        Just("-".to_owned()),
        "[0-9]{1,2}[.):] ?[a-zé½ ]{0,12}",
        "\\PC{0,30}",
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|lines| document(&lines.join("\n")))
}

static GUIDE: LazyLock<Guide> = LazyLock::new(|| guide_named("plain_parts"));

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_paper_is_split_or_refused_with_spans_inside_it(text in any_paper()) {
        let guide = &*GUIDE;
        let Ok(reading) = parse_paper(&text, guide) else { return Ok(()) };
        for answer in &reading.answers {
            prop_assert!(text.plain.get(answer.span.start..answer.span.end).is_some());
            prop_assert!(guide.question(&answer.question).is_some());
        }
        for passage in &reading.unread {
            prop_assert!(text.plain.get(passage.span.start..passage.span.end).is_some());
        }
        prop_assert_eq!(reading.answers.len() + reading.missing.len(), guide.questions.len());
    }
}
