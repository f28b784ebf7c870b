//! Synthetic answers: their labels, where they come from, and that they are the same every time.

use std::collections::{BTreeMap, BTreeSet};

use gradus_domain::Marks;
use gradus_domain::text::Span;
use gradus_grading::guide::{Guide, Question, QuestionId, RubricPoint, Verdict};
use gradus_grading::robustness::{AttackGroup, AttackKind, Expectation};
use gradus_grading::synthetic::{
    GenuineAnswer, Lesson, SyntheticAnswer, SyntheticKind, SyntheticOptions, synthesise,
};

const ATP: &str = "Cells pump ions through membranes against gradients which needs energy";
const SALT: &str = "Water turned into vapour while white crystals remained";

fn verdicts() -> Vec<Verdict> {
    let names = [("contradictory", 0), ("incorrect", 0), ("correct", 1000)];
    names.map(|(name, worth)| Verdict { name: name.into(), marks: Marks::from_thousandths(worth) }).to_vec()
}

/// One question in marks with points, one in words, and one that is held out.
fn guide() -> Guide {
    let point =
        |text: &str| RubricPoint { text: text.into(), marks: Marks::ONE, span: Span { start: 0, end: 0 } };
    let marks = Question {
        model_answer: Some("Active transport is always uphill. It uses fuel.".into()),
        rubric: vec![point("transport is uphill"), point("uses fuel")],
        ..Question::new(QuestionId("1".into()), "Why is ATP needed?".into(), Marks::from_thousandths(2000))
    };
    let words = Question {
        model_answer: Some("The salt is left.".into()),
        verdicts: verdicts(),
        ..Question::new(QuestionId("2".into()), "How is salt separated?".into(), Marks::ONE)
    };
    let held_out = Question {
        model_answer: Some("Secret.".into()),
        ..Question::new(QuestionId("3".into()), "Held out?".into(), Marks::ONE)
    };
    Guide { title: None, questions: vec![marks, words, held_out] }
}

fn made(share: f64, seed: u64) -> Vec<SyntheticAnswer> {
    let (one, two) = (QuestionId("1".into()), QuestionId("2".into()));
    let examples = [
        GenuineAnswer { question: &one, answer: ATP, verdict: 1 },
        GenuineAnswer { question: &two, answer: SALT, verdict: 2 },
    ];
    synthesise(&guide(), &examples, &SyntheticOptions { share, seed, ..SyntheticOptions::default() })
}

#[test]
fn what_an_answer_teaches_follows_from_how_it_was_made() {
    let made = made(300.0, 1);
    let lowest = BTreeMap::from([("1", "0"), ("2", "incorrect")]);
    let genuine = BTreeMap::from([("1", "1"), ("2", "correct")]);
    let best = BTreeMap::from([("1", "2"), ("2", "correct")]);
    for SyntheticAnswer { question, answer, lesson, origin } in &made {
        let question = question.0.as_str();
        let expected = match origin {
            SyntheticKind::ModelAnswer => Some(best[question]),
            SyntheticKind::RubricPoints => Some("1"),
            SyntheticKind::Attack(AttackKind::InstructionsAlone) => None,
            SyntheticKind::Attack(attack) => match attack.expectation() {
                Expectation::Worthless => Some(lowest[question]),
                // Unicode tags show nothing.
                Expectation::NotAbove if answer.contains('\u{E0065}') => Some(genuine[question]),
                Expectation::NotAbove => None,
                Expectation::BelowModelAnswer => Some("contradictory"),
            },
        };
        let learnt = match lesson {
            Lesson::Verdict(verdict) => Some(verdict.name.as_str()),
            Lesson::Order => None,
        };
        assert_eq!(learnt, expected, "{origin:?}: {answer}");
    }
    let kinds: BTreeSet<SyntheticKind> = made.iter().map(|made| made.origin).collect();
    assert_eq!(kinds, SyntheticKind::all().into_iter().collect());
}

#[test]
fn an_injection_keeps_the_answer_and_nothing_comes_from_a_held_out_question() {
    for made in made(300.0, 2) {
        assert_ne!(made.question.0, "3");
        assert!(!made.answer.contains("Secret"), "{}", made.answer);
        if let SyntheticKind::Attack(attack) = made.origin
            && attack.group() == AttackGroup::Injection
        {
            let genuine = if made.question.0 == "1" { ATP } else { SALT };
            assert!(made.answer.contains(genuine), "{}", made.answer);
        }
    }
}

#[test]
fn there_are_no_more_than_asked_for_none_twice_and_the_same_ones_every_time() {
    assert_eq!(made(0.0, 1), []);
    assert!(made(4.0, 1).len() <= 8);
    let many = made(300.0, 3);
    assert!((100..=600).contains(&many.len()), "{}", many.len());
    let texts: BTreeSet<(&str, &str)> =
        many.iter().map(|made| (made.question.0.as_str(), made.answer.as_str())).collect();
    assert_eq!(texts.len(), many.len());
    assert_eq!(many, made(300.0, 3));
    assert_ne!(many, made(300.0, 4));
    assert_eq!(synthesise(&guide(), &[], &SyntheticOptions::default()), []);
}

#[test]
fn few_examples_get_more_orders_than_their_share() {
    let question = QuestionId("2".into());
    let made = |examples: usize, share: f64| {
        let texts: Vec<String> = (0..examples).map(|number| format!("{SALT} {number}")).collect();
        let examples: Vec<GenuineAnswer<'_>> =
            texts.iter().map(|answer| GenuineAnswer { question: &question, answer, verdict: 2 }).collect();
        let options = SyntheticOptions { share, ..SyntheticOptions::default() };
        let made = synthesise(&guide(), &examples, &options);
        let orders = made.iter().filter(|made| made.lesson == Lesson::Order).count();
        (made.len() - orders, orders)
    };
    // Some turns find nothing new, and some hidden orders show nothing.
    for (examples, share, others, orders) in [(60, 0.1, 6, 10), (300, 0.1, 15, 50), (1500, 0.1, 80, 90)] {
        let made = made(examples, share);
        assert!(made.0 <= others && made.1 <= orders && made.1 * 4 >= orders * 3, "{made:?} for {examples}");
    }
    assert_eq!(made(300, 0.0), (0, 0));
}

#[test]
fn an_origin_is_written_as_one_name() {
    for kind in SyntheticKind::all() {
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{}\"", kind.name()));
        assert_eq!(serde_json::from_str::<SyntheticKind>(&json).unwrap(), kind);
    }
    assert_eq!(SyntheticKind::Attack(AttackKind::Blank).name(), "blank");
}
