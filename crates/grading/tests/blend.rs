//! A blend is used where it helps, and only there.

use gradus_grading::blend::{Blend, BlendDecision, BlendExample};

/// A sequence without pattern, from 0 to 1 (exclusive).
fn noise(number: usize) -> f64 {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Yes-or-no answers. The language model is right 7 times of 10 and says so; the second source is right
/// `right_of_ten` times of 10, independently, and claims 8 of 10.
fn examples(count: usize, right_of_ten: f64) -> Vec<BlendExample> {
    let source = |verdict: usize, right: bool, confidence: f64| {
        let says = if right { verdict } else { 1 - verdict };
        (0..2).map(|k| if k == says { confidence } else { 1.0 - confidence }).collect()
    };
    let example = |number: usize| {
        let verdict = usize::from(noise(3 * number) < 0.5);
        let sources = vec![
            source(verdict, noise(3 * number + 1) < 0.7, 0.7),
            source(verdict, noise(3 * number + 2) < right_of_ten / 10.0, 0.8),
        ];
        BlendExample { sources, verdict, marked_question: true, cluster: number / 2 }
    };
    (0..count).map(example).collect()
}

#[test]
fn an_independent_good_source_is_blended_in_and_lowers_the_loss() {
    let blend = Blend::fit(&examples(600, 8.0), 2);
    let fit = &blend.marked_questions;
    assert_eq!(fit.decision, BlendDecision::Blended);
    assert!((0.7..1.3).contains(&fit.weights[0]) && (0.7..1.3).contains(&fit.weights[1]), "{fit:?}");
    assert!(fit.log_loss_blended.unwrap() < fit.log_loss_alone.unwrap() - 0.05);
    let both = blend.distribution(&[[0.3, 0.7], [0.2, 0.8]], true);
    assert!(both[1] > 0.85 && (both[0] + both[1] - 1.0).abs() < 1e-12);
}

#[test]
fn a_source_of_noise_and_a_source_that_errs_leave_the_language_model_alone() {
    for right_of_ten in [5.0, 2.0] {
        let blend = Blend::fit(&examples(600, right_of_ten), 2);
        assert_eq!(blend.marked_questions.decision, BlendDecision::NoGain, "{right_of_ten}");
        assert_eq!(blend.distribution(&[[0.3, 0.7], [0.9, 0.1]], true), [0.3, 0.7]);
    }
}

#[test]
fn few_answers_decide_nothing_and_each_kind_of_question_is_on_its_own() {
    let blend = Blend::fit(&examples(49, 9.0), 2);
    assert_eq!(blend.marked_questions.decision, BlendDecision::TooFewAnswers);
    let blend = Blend::fit(&examples(600, 9.0), 2);
    assert_eq!(blend.new_questions, Blend::alone(2).new_questions);
    assert_eq!(blend.distribution(&[[0.3, 0.7], [0.9, 0.1]], false), [0.3, 0.7]);
    assert_eq!(blend.new_questions.log_loss_alone, None);
}

#[test]
fn answers_to_few_new_questions_decide_nothing_however_many_they_are() {
    let to_questions = |questions: usize| -> Vec<BlendExample> {
        let examples = examples(600, 9.0).into_iter();
        examples
            .map(|one| BlendExample { marked_question: false, cluster: one.cluster % questions, ..one })
            .collect()
    };
    let decision = |questions| Blend::fit(&to_questions(questions), 2).new_questions.decision;
    assert_eq!(decision(2), BlendDecision::TooFewAnswers);
    assert_eq!(decision(20), BlendDecision::Blended);
}

#[test]
fn a_source_that_helps_on_some_questions_and_misleads_on_others_is_left_alone() {
    // The second source is nearly always right on 11 of 20 questions and nearly always wrong on the rest: over all
    // answers that is a gain of many standard errors, if they were independent.
    let example = |number: usize| {
        let (question, verdict) = (number / 5 % 20, usize::from(noise(2 * number) < 0.5));
        let is_right = (question < 11) == (noise(2 * number + 1) < 0.95);
        let second = if is_right { verdict } else { 1 - verdict };
        let claim =
            |says: usize, sure: f64| (0..2).map(|k| if k == says { sure } else { 1.0 - sure }).collect();
        let sources = vec![vec![0.5, 0.5], claim(second, 0.6)];
        BlendExample { sources, verdict, marked_question: false, cluster: question }
    };
    let examples: Vec<BlendExample> = (0..4000).map(example).collect();
    assert_eq!(Blend::fit(&examples, 2).new_questions.decision, BlendDecision::NoGain);
    let independent = examples.into_iter().enumerate().map(|(cluster, one)| BlendExample { cluster, ..one });
    let independent: Vec<BlendExample> = independent.collect();
    assert_eq!(Blend::fit(&independent, 2).new_questions.decision, BlendDecision::Blended);
}

#[test]
fn a_blend_survives_being_written_and_leaves_out_broken_examples() {
    let mut examples = examples(300, 8.0);
    let blend = Blend::fit(&examples, 2);
    let read: Blend = serde_json::from_str(&serde_json::to_string(&blend).unwrap()).unwrap();
    assert_eq!(read, blend);
    let broken = [(vec![vec![1.0]], 0), (vec![vec![0.5, 0.5], vec![1.0]], 0), (vec![vec![0.5; 2]; 2], 2)];
    examples.extend(broken.map(|(sources, verdict)| BlendExample {
        sources,
        verdict,
        marked_question: true,
        cluster: 0,
    }));
    assert_eq!(Blend::fit(&examples, 2), blend);
}
