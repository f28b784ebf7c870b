//! Attacks as a marker meets them: made by seed, the genuine answer inside, and fenced in the prompt.

#![expect(clippy::unwrap_used, reason = "a test may end where its sample is not as expected")]

use std::collections::BTreeSet;

use gradus_domain::Marks;
use gradus_grading::guide::{Question, QuestionId};
use gradus_grading::prompt::{PromptPart, marking_prompt};
use gradus_grading::robustness::{AttackGroup, AttackKind, Family, Material, attacked};

const ANSWER: &str = "Ions are pumped against their gradient.";
const OTHER: &str = "The harder coin leaves a scratch on the softer one.";

fn question() -> Question {
    Question {
        model_answer: Some("ATP is the source of energy for active transport.".into()),
        ..Question::new(QuestionId("4b".into()), "Why is ATP needed?".into(), Marks::from_thousandths(3500))
    }
}

fn texts(kind: AttackKind, family: Family) -> BTreeSet<String> {
    let question = question();
    let material = Material { question: &question, answer: ANSWER, other_answer: Some(OTHER) };
    let made = (0..200).map(|seed| attacked(kind, family, material, seed).unwrap());
    made.map(|made| made.text).collect()
}

/// What a model reads of the texts, but for orders of which the fence leaves no word.
fn fenced(texts: &BTreeSet<String>) -> BTreeSet<String> {
    let question = question();
    let shown = texts.iter().map(|text| marking_prompt(&question, text)[1].text().to_owned());
    shown.filter(|text| *text != format!(" {ANSWER} [invisible]")).collect()
}

#[test]
fn every_kind_makes_texts_and_the_families_share_none_that_are_worded() {
    for kind in AttackKind::ALL {
        let (training, test) = (texts(kind, Family::Training), texts(kind, Family::Test));
        match kind {
            AttackKind::OffTopic => assert_eq!(training, test),
            AttackKind::Contradiction => {
                let reversed = "ATP is not the source of energy for active transport.";
                assert_eq!(training, BTreeSet::from([reversed.to_owned()]));
            }
            _ => {
                assert!(fenced(&training).is_disjoint(&fenced(&test)), "{}", kind.name());
                assert!(!fenced(&training).is_empty() && !fenced(&test).is_empty(), "{}", kind.name());
                assert!(training.len() >= 4 && test.len() >= 4, "{}", kind.name());
            }
        }
        if kind.group() == AttackGroup::Injection {
            assert!(training.iter().chain(&test).all(|text| text.contains(ANSWER)), "{}", kind.name());
        }
        let gaps = ["{answer}", "{maximum}", "{best}", "{number}", "{question}"];
        let filled = |text: &String| !gaps.iter().any(|gap| text.contains(gap));
        assert!(training.iter().chain(&test).all(filled), "{}", kind.name());
    }
}

#[test]
fn instructions_alone_hold_no_answer_and_name_the_mark_somewhere() {
    let alone = texts(AttackKind::InstructionsAlone, Family::Test);
    assert!(alone.iter().all(|text| !text.contains(ANSWER) && !text.is_empty()));
    assert!(alone.iter().any(|text| text.contains("3.5")) && alone.iter().any(|text| text.contains("4b")));
}

#[test]
fn what_the_material_lacks_cannot_be_attacked_with() {
    let question = Question { model_answer: None, text: " ".into(), ..question() };
    let material = Material { question: &question, answer: ANSWER, other_answer: None };
    for kind in [AttackKind::OffTopic, AttackKind::Contradiction, AttackKind::QuestionCopied] {
        assert_eq!(attacked(kind, Family::Test, material, 1), None);
    }
}

#[test]
fn no_attack_adds_a_line_to_the_prompt_or_ends_its_field() {
    let question = question();
    for kind in AttackKind::ALL {
        for family in [Family::Training, Family::Test] {
            for text in texts(kind, family) {
                let parts = marking_prompt(&question, &text);
                let prompt: String = parts.iter().map(PromptPart::text).collect();
                assert_eq!(prompt.lines().count(), 5, "{prompt}");
                assert_eq!(prompt.matches("Mark:").count(), 1, "{prompt}");
                assert!(!prompt.contains(['\u{8}', '\u{200B}', '\u{202E}', '\u{FE00}', '\u{E0041}']));
            }
        }
    }
}
