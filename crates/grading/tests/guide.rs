//! Guides in the layouts that people use, each read as `tests/guides/*.json` says.

mod guide_notation;

use gradus_domain::text::StructuredText;
use gradus_grading::guide::{GuideError, GuideReading, parse_guide};
use guide_notation::{compare_with_expected, document, fixtures, slice};
use proptest::prelude::*;
use serde_json::{Value, json};

fn summary(text: &StructuredText, reading: &GuideReading) -> Value {
    let questions: Vec<Value> = reading
        .guide
        .questions
        .iter()
        .map(|question| {
            let rubric: Vec<Value> = question
                .rubric
                .iter()
                .map(|point| {
                    assert!(slice(text, point.span).contains(point.text.split(' ').next().unwrap_or("")));
                    json!([point.marks, point.text])
                })
                .collect();
            json!({
                "id": question.id,
                "begins": slice(text, question.span).chars().take(24).collect::<String>(),
                "text": question.text,
                "max": question.max_marks,
                "answer": question.model_answer,
                "rubric": rubric,
                "notes": question.notes,
                "confidence": question.confidence,
                "doubts": question.doubts,
            })
        })
        .collect();
    let unread: Vec<Value> =
        reading.unread.iter().map(|passage| json!([passage.reason, passage.text])).collect();
    json!({ "title": reading.guide.title, "questions": questions, "unread": unread })
}

#[test]
fn guides_are_read_in_every_layout() {
    compare_with_expected("guides", |source| {
        let text = document(source);
        match parse_guide(&text) {
            Ok(reading) => summary(&text, &reading),
            Err(error) => json!({ "error": error.to_string() }),
        }
    });
}

#[test]
fn an_empty_guide_is_refused() {
    assert_eq!(parse_guide(&document("")), Err(GuideError::Empty));
}

#[test]
fn a_text_without_questions_is_refused_with_its_beginning() {
    let error = parse_guide(&document("Dear parents,\nthe school trip is on Monday.")).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("Dear parents, the school trip"), "{message}");
    assert!(message.contains("\"Question 1 (4 marks)\""), "{message}");
}

#[test]
fn questions_without_any_marks_are_named() {
    let source = "Question 1 (2 marks)\nExplain osmosis.\nQuestion 2\nDefine a gene.\nModel answer: A length of DNA.\nQuestion 3\nName a cell.";
    let error = parse_guide(&document(source)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("questions 2 and 3 are"), "{message}");
    assert!(message.contains("(4 marks)"), "{message}");
}

#[test]
fn a_text_is_read_the_same_as_lines_of_a_plain_file_and_as_word_blocks() {
    for path in fixtures("guides") {
        let source = std::fs::read_to_string(&path).expect("a fixture");
        let text = document(&source);
        if text
            .blocks
            .iter()
            .any(|block| matches!(block.kind, gradus_domain::text::BlockKind::TableRow { .. }))
        {
            continue;
        }
        let mut plain = StructuredText::default();
        for line in text.plain.lines() {
            plain.push(gradus_domain::text::BlockKind::Paragraph, line, None);
        }
        let ids = |text: &StructuredText| {
            parse_guide(text).map(|reading| {
                let questions = reading.guide.questions.into_iter();
                questions
                    .map(|question| (question.id, question.max_marks, question.rubric.len()))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(ids(&plain).ok(), ids(&text).ok(), "{}", path.display());
    }
}

fn any_document() -> impl Strategy<Value = StructuredText> {
    let piece = prop_oneof![
        Just("Question 1 (4 marks)".to_owned()),
        Just("(a)".to_owned()),
        Just("{1.} x [½]".to_owned()),
        Just("| Question | Answer | Marks |".to_owned()),
        Just("| 1(a) | water ⏎ moves | 2 |".to_owned()),
        Just("Any two from:".to_owned()),
        Just("Model answer: é (1) ü ✓ [1]".to_owned()),
        Just("Total: 6".to_owned()),
        "[0-9]{1,3}[.):] ?[a-zé½✓\\[\\]() ]{0,12}",
        "\\PC{0,30}",
        "[|#{} \\-(\\[]{1,3}\\PC{0,20}",
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|lines| document(&lines.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_text_is_read_or_refused_with_spans_inside_it(text in any_document()) {
        let Ok(reading) = parse_guide(&text) else { return Ok(()) };
        for question in &reading.guide.questions {
            prop_assert!(text.plain.get(question.span.start..question.span.end).is_some());
            prop_assert!((0.0..=1.0).contains(&question.confidence));
            prop_assert!(question.confidence < 1.0 || question.doubts.is_empty());
            for point in &question.rubric {
                prop_assert!(text.plain.get(point.span.start..point.span.end).is_some());
            }
        }
        for passage in &reading.unread {
            prop_assert!(text.plain.get(passage.span.start..passage.span.end).is_some());
        }
    }
}
