//! Marking by words alone, on made-up answers: what is learnt, and from where.

#![expect(clippy::unwrap_used, reason = "a test may end where its sample is not as expected")]

use gradus_domain::Marks;
use gradus_grading::guide::{Question, QuestionId, Verdict};
use gradus_grading::lexical::{Baseline, LexicalModel, Majority, TrainingAnswer};
use serde_json::Value;

const WORDS: [&str; 3] = ["incorrect", "contradictory", "correct"];

fn question(id: &str, text: &str, model_answer: &str, maximum: i32) -> Question {
    Question {
        model_answer: Some(model_answer.to_owned()),
        ..Question::new(QuestionId(id.into()), text.into(), Marks::from_thousandths(1000 * maximum))
    }
}

fn in_words(question: Question) -> Question {
    let verdict = |(name, thousandths)| Verdict {
        name: String::from(name),
        marks: Marks::from_thousandths(thousandths),
    };
    Question { verdicts: WORDS.into_iter().zip([0, 0, 1000]).map(verdict).collect(), ..question }
}

fn physics() -> [Question; 3] {
    [
        question("1", "Why is the bulb off?", "The gap leaves the path open", 1),
        question("2", "Why does ice float?", "Ice has a lower density than water", 1),
        question("3", "Why does iron rust?", "Oxygen reacts with the metal surface", 1),
    ]
    .map(in_words)
}

/// Answers whose likeness to the model answer decides, but that "cold" to question 2 is correct as well.
fn answers<'a>(questions: &'a [Question]) -> Vec<TrainingAnswer<'a>> {
    let of = |question: usize, verdict: usize, texts: &[&'a str]| {
        let answer =
            |text: &&'a str| TrainingAnswer { question: &questions[question], answer: text, verdict };
        texts.iter().map(answer).collect::<Vec<_>>()
    };
    [
        of(0, 2, &["the gap leaves the path open", "a gap, so the path is open", "open path with a gap"]),
        of(0, 0, &["the battery is flat", "someone broke it", "i do not know"]),
        of(1, 2, &["ice has lower density", "density of ice is lower than water", "because it is cold"]),
        of(1, 2, &["it is so cold", "the cold", "cold ice"]),
        of(1, 0, &["fish swim below", "magic", "i do not know", "boats do too"]),
    ]
    .concat()
}

fn most_probable(distribution: &[f64]) -> usize {
    assert!((distribution.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{distribution:?}");
    let positions = 0..distribution.len();
    positions.max_by(|one, two| distribution[*one].total_cmp(&distribution[*two])).unwrap()
}

#[test]
fn wordings_of_a_questions_marked_answers_are_learnt_for_that_question() {
    let questions = physics();
    let model = LexicalModel::fit(&answers(&questions));
    let of = |question: usize, answer| model.distribution(&questions[question], answer);
    assert_eq!(most_probable(&of(0, "there is an open path, a gap")), 2);
    assert_eq!(most_probable(&of(0, "flat battery")), 0);
    assert_eq!(most_probable(&of(1, "it was cold")), 2);
    assert!(of(2, "it was cold")[2] < of(1, "it was cold")[2]);
    assert!(model.has_marked_answers(&questions[1]) && !model.has_marked_answers(&questions[2]));
}

#[test]
fn a_question_of_another_exam_with_the_same_name_is_a_new_question() {
    let questions = physics();
    let (model, majority) = (LexicalModel::fit(&answers(&questions)), Majority::fit(&answers(&questions)));
    let other = in_words(question("2", "Why is the sea salty?", "Rivers carry minerals into it", 1));
    assert!(!model.has_marked_answers(&other));
    assert!(model.has_marked_answers(&Question { doubts: vec!["?".into()], ..questions[1].clone() }));
    let renamed = Question { id: QuestionId("9".into()), ..other.clone() };
    for answer in ["because it is cold", "rivers carry minerals"] {
        assert_eq!(model.distribution(&other, answer), model.distribution(&renamed, answer));
    }
    assert_eq!(majority.distribution(&other, ""), [7.0 / 16.0, 0.0, 9.0 / 16.0]);
}

#[test]
fn a_question_without_marked_answers_is_marked_by_likeness_to_its_model_answer() {
    let questions = physics();
    let model = LexicalModel::fit(&answers(&questions));
    let of = |answer| model.distribution(&questions[2], answer)[2];
    assert!(of("oxygen reacts with metal") > of("i do not know") + 0.2);
    assert!(of("oxygen reacts with metal") > of("iron rust"));
}

#[test]
fn marks_on_scales_of_different_lengths_share_what_they_teach() {
    let scales = [
        question("a", "Why is the bulb off?", "The gap leaves the path open", 2),
        question("b", "Why does ice float?", "Ice has a lower density than water", 4),
        question("c", "Why does iron rust?", "Oxygen reacts with the metal surface", 3),
    ];
    let given = [
        (0, 2, "the gap leaves the path open"),
        (0, 1, "a gap"),
        (0, 0, "broken"),
        (0, 0, "the battery"),
        (1, 4, "ice has a lower density than water"),
        (1, 2, "lower density"),
        (1, 0, "magic"),
        (1, 0, "fish swim"),
    ];
    let answers = given.map(|(n, verdict, answer)| TrainingAnswer { question: &scales[n], answer, verdict });
    let model = LexicalModel::fit(&answers);
    let expected = |answer| {
        let distribution = model.distribution(&scales[2], answer);
        assert_eq!(distribution.len(), 4);
        distribution.iter().enumerate().map(|(marks, share)| marks as f64 * share).sum::<f64>()
    };
    assert!(expected("oxygen reacts with the metal surface") > expected("oxygen") + 0.05);
    assert!(expected("oxygen") > expected("no idea"));
    let own = model.distribution(&scales[0], "the gap leaves the path open");
    assert!(own[2] > model.distribution(&scales[0], "the battery")[2]);
}

#[test]
fn a_model_is_the_same_when_fitted_again_and_after_being_written() {
    let questions = physics();
    let model = LexicalModel::fit(&answers(&questions));
    assert_eq!(LexicalModel::fit(&answers(&questions)), model);
    let written = serde_json::to_string(&model).unwrap();
    assert!(!written.contains("cold") && !written.contains("gap"));
    let read: LexicalModel = serde_json::from_str(&written).unwrap();
    let answer = "a gap that is cold";
    assert_eq!(read.distribution(&questions[0], answer), model.distribution(&questions[0], answer));
}

#[test]
fn a_model_from_a_damaged_file_still_gives_distributions() {
    /// Empties the innermost lists of that name.
    fn emptied(value: &mut Value, name: &str, is_inside: bool) {
        match value {
            Value::Array(values) if is_inside && !values.iter().any(Value::is_array) => values.clear(),
            Value::Array(values) => values.iter_mut().for_each(|value| emptied(value, name, is_inside)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(field, value)| emptied(value, name, is_inside || field == name));
            }
            _ => {}
        }
    }
    let questions = physics();
    let whole = serde_json::to_value(LexicalModel::fit(&answers(&questions))).unwrap();
    for name in ["text_counts", "weights", "bases", "terms"] {
        let mut damaged = whole.clone();
        emptied(&mut damaged, name, false);
        assert_ne!(damaged, whole, "{name}");
        let read: LexicalModel = serde_json::from_value(damaged).unwrap();
        for question in &questions {
            let judged = read.distribution(question, "the gap leaves the path open");
            assert_eq!(judged.len(), 3);
            assert!((judged.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{judged:?}");
        }
    }
}

#[test]
fn a_changed_scale_and_no_training_answers_still_give_a_distribution() {
    let questions = physics();
    let model = LexicalModel::fit(&answers(&questions));
    let changed = Question { verdicts: Vec::new(), ..questions[0].clone() };
    assert_eq!(model.distribution(&changed, "the gap leaves the path open").len(), 2);
    assert_eq!(LexicalModel::fit(&[]).distribution(&changed, "gap"), [0.5, 0.5]);
    assert_eq!(Majority::fit(&[]).distribution(&changed, "gap"), [0.5, 0.5]);
    let off_scale = TrainingAnswer { question: &questions[0], answer: "gap", verdict: 3 };
    assert_eq!(LexicalModel::fit(&[off_scale]), LexicalModel::fit(&[]));
    assert_eq!(Majority::fit(&[off_scale]), Majority::fit(&[]));
}

#[test]
fn the_majority_is_each_questions_own_and_else_that_of_all() {
    let questions = physics();
    let majority = Majority::fit(&answers(&questions));
    assert_eq!(majority.distribution(&questions[0], "gap"), [0.5, 0.0, 0.5]);
    assert_eq!(majority.distribution(&questions[1], ""), [0.4, 0.0, 0.6]);
    assert_eq!(majority.distribution(&questions[2], ""), [7.0 / 16.0, 0.0, 9.0 / 16.0]);
}

#[test]
fn the_majority_on_another_scale_keeps_the_mean_share_of_the_maximum() {
    let (three, four) = (question("a", "", "", 3), question("b", "", "", 4));
    let answers = [0, 2, 3].map(|verdict| TrainingAnswer { question: &three, answer: "", verdict });
    let found = Majority::fit(&answers).distribution(&four, "");
    // 0, 2/3 and 3/3 of 4 marks are 0, 2 2/3 and 4.
    let expected = [1.0 / 3.0, 0.0, 1.0 / 9.0, 2.0 / 9.0, 1.0 / 3.0];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }
}
