//! From what a language model thinks probable to a verdict that can be trusted: blended with what the words of an
//! answer say, calibrated, and with the confidence from which on nobody need look. Learnt on validation answers.

mod confidence;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::blend::{Blend, BlendExample};
use crate::calibration::WantedAgreement;
use crate::guide::Question;
use crate::lexical::{Baseline, LexicalModel, TrainingAnswer, question_key};
pub use confidence::{Calibration, Confidence};
use confidence::{QuestionKind, Validation};

/// A validation answer with what the language model makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationAnswer<'a> {
    /// The question that it answers.
    pub question: &'a Question,
    /// What the student wrote.
    pub answer: &'a str,
    /// The position in the question's scale of the verdict given.
    pub verdict: usize,
    /// The language model's probability of each verdict of the scale.
    pub model: Vec<f64>,
    /// Which student wrote it; answers of one student carry the same number.
    pub cluster: usize,
}

/// How probabilities become verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    lexical: LexicalModel,
    /// How much each source counts: the language model, then the words of the answer.
    pub blend: Blend,
    /// For questions with marked answers.
    pub marked_questions: Confidence,
    /// For questions without.
    pub new_questions: Confidence,
}

/// What the sources of a blend are called, in its order.
pub const SOURCES: [&str; 2] = ["language model", "words of the answer (TF-IDF)"];

impl Judgement {
    /// Learns from the answers that the language model was trained on what their words say, and from validation
    /// answers how far to trust either.
    pub fn fit(
        training: &[TrainingAnswer<'_>],
        validation: &[ValidationAnswer<'_>],
        wanted: WantedAgreement,
    ) -> Self {
        let lexical = LexicalModel::fit(training);
        let examples = examples(&lexical, validation);
        let blend = Blend::fit(&examples, SOURCES.len());
        let [marked, new] =
            [QuestionKind::Marked, QuestionKind::New].map(|kind| Validation::of(kind, &examples, &blend));
        let marked_questions = Confidence::fit(&marked, &new, wanted);
        let new_questions = Confidence::fit(&new, &marked, wanted);
        Self { lexical, blend, marked_questions, new_questions }
    }

    /// The calibrated probability of each verdict of the question's scale, from the language model's.
    pub fn distribution(&self, question: &Question, answer: &str, model: &[f64]) -> Vec<f64> {
        let words = self.lexical.distribution(question, answer);
        let marked = self.lexical.has_marked_answers(question);
        let blended = self.blend.distribution(&[model, &words], marked);
        self.confidence(question).temperature.apply(&blended)
    }

    /// How it judges, in sentences for a person.
    pub fn sentences(&self) -> Vec<String> {
        let kinds = [
            (QuestionKind::Marked, &self.blend.marked_questions, &self.marked_questions),
            (QuestionKind::New, &self.blend.new_questions, &self.new_questions),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, fit, confidence)| confidence.sentences(kind, &fit.weights))
            .collect()
    }

    /// Whether it learnt from marked answers to that question.
    pub fn has_marked_answers(&self, question: &Question) -> bool {
        self.lexical.has_marked_answers(question)
    }

    /// What is known of the confidence of verdicts on that question.
    pub fn confidence(&self, question: &Question) -> &Confidence {
        match self.lexical.has_marked_answers(question) {
            true => &self.marked_questions,
            false => &self.new_questions,
        }
    }
}

/// The validation answers with what both sources make of them. What holds for one student's answers holds for those
/// to one question where the question is new: the next answers will be to others.
fn examples(lexical: &LexicalModel, validation: &[ValidationAnswer<'_>]) -> Vec<BlendExample> {
    let mut new_questions = BTreeMap::new();
    let example = |one: &ValidationAnswer<'_>| {
        let marked_question = lexical.has_marked_answers(one.question);
        let next = new_questions.len();
        let cluster = match marked_question {
            true => one.cluster,
            false => *new_questions.entry(question_key(one.question)).or_insert(next),
        };
        BlendExample {
            sources: vec![one.model.clone(), lexical.distribution(one.question, one.answer)],
            verdict: one.verdict,
            marked_question,
            cluster,
        }
    };
    validation.iter().map(example).collect()
}

/// The position of the largest probability, the last of equal ones; `None` of an empty distribution.
pub fn most_probable(distribution: &[f64]) -> Option<usize> {
    (0..distribution.len()).max_by(|a, b| distribution[*a].total_cmp(&distribution[*b]))
}

#[cfg(test)]
mod tests {
    use gradus_domain::Marks;

    use super::*;
    use crate::guide::QuestionId;

    const WANTED: WantedAgreement = WantedAgreement { agreement: 0.8, level: 0.9 };

    fn question(id: &str) -> Question {
        let text = format!("What of {id}?");
        Question {
            model_answer: Some("light and water".into()),
            ..Question::new(QuestionId(id.into()), text, Marks::ONE)
        }
    }

    /// Answers of which those that name light are right.
    fn answers(count: usize) -> Vec<(String, usize)> {
        let answer = |number: usize| match number % 2 {
            0 => (format!("it is the light of day {number}"), 1),
            _ => (format!("it likes the wind of night {number}"), 0),
        };
        (0..count).map(answer).collect()
    }

    /// Learns from answers to `seen`, and from `count` validation answers to each of `validated` how far to trust it.
    fn fitted(seen: &Question, validated: &[(&Question, usize)]) -> Judgement {
        let training = answers(40);
        let training: Vec<TrainingAnswer<'_>> = training
            .iter()
            .map(|(answer, verdict)| TrainingAnswer { question: seen, answer, verdict: *verdict })
            .collect();
        let texts = answers(validated.iter().map(|(_, count)| count).sum());
        let questions = validated.iter().flat_map(|(question, count)| vec![*question; *count]);
        // A language model that is right nine times out of ten, and far too sure of itself.
        let validation: Vec<ValidationAnswer<'_>> = texts
            .iter()
            .zip(questions)
            .enumerate()
            .map(|(cluster, ((answer, verdict), question))| {
                let said = if cluster % 9 == 0 { 1 - verdict } else { *verdict };
                let model =
                    vec![if said == 0 { 0.999 } else { 0.001 }, if said == 1 { 0.999 } else { 0.001 }];
                ValidationAnswer { question, answer, verdict: *verdict, model, cluster }
            })
            .collect();
        Judgement::fit(&training, &validation, WANTED)
    }

    #[test]
    fn words_correct_a_language_model_that_is_too_sure_of_itself() {
        let question = question("1");
        let judgement = fitted(&question, &[(&question, 120)]);
        let judged = judgement.distribution(&question, "it is the light of day", &[0.999, 0.001]);
        assert!(judged[1] > 0.5, "the words say that it is right: {judged:?}");
        assert!((judged.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let confidence = judgement.confidence(&question);
        assert!(confidence.threshold.is_some(), "{:?}", confidence.notes);
        let said = judgement.sentences().join(" ");
        assert!(said.contains("words of the answer") && said.contains("120 validation answers"), "{said}");
        let json = serde_json::to_string(&judgement).unwrap();
        assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judgement);
    }

    #[test]
    fn where_a_kind_of_questions_has_too_few_answers_the_other_kinds_temperature_is_the_best_guess() {
        let (marked, new) = (question("1"), question("2"));
        let of_marked = fitted(&marked, &[(&marked, 120)]).marked_questions.temperature;
        for few in [0, 1, 9] {
            let judgement = fitted(&marked, &[(&marked, 120), (&new, few)]);
            let confidence = judgement.confidence(&new);
            assert_eq!(confidence.temperature, of_marked, "{few}");
            assert!(confidence.threshold.is_none());
            assert!(confidence.notes[0].contains("calibrated as on questions with marked answers"));
            assert!(confidence.notes[0].contains(&format!("since {few} validation answers")));
            assert!(confidence.notes[1].contains("goes to a person"), "{:?}", confidence.notes);
            let said = judgement.sentences().join(" ");
            assert_eq!(said.matches("120 validation answers").count(), 1, "{said}");
        }
        let judgement = fitted(&marked, &[(&marked, 9), (&new, 120)]);
        let confidence = judgement.confidence(&marked);
        assert_eq!(confidence.temperature, judgement.new_questions.temperature);
        assert_eq!(confidence.calibration, Calibration::OfOtherQuestions);
    }

    #[test]
    fn many_answers_to_one_new_question_promise_nothing_of_others() {
        let (marked, new) = (question("1"), ["2", "3", "4", "5", "6", "7"].map(question));
        let of = |new: &[Question], each: usize| {
            let validated: Vec<(&Question, usize)> = new.iter().map(|question| (question, each)).collect();
            fitted(&marked, &validated).new_questions
        };
        let one = of(&new[..1], 240);
        assert!(one.threshold.is_none() && one.notes[0].contains("to 1 questions"), "{:?}", one.notes);
        let six = of(&new, 40);
        assert!(six.threshold.is_some(), "{:?}", six.notes);
    }

    #[test]
    fn without_validation_answers_the_language_model_is_left_alone() {
        let question = question("1");
        let judgement = Judgement::fit(&[], &[], WANTED);
        assert_eq!(judgement.distribution(&question, "light", &[0.3, 0.7]), [0.3, 0.7]);
        let said = judgement.sentences().join(" ");
        assert!(said.contains("are not calibrated") && !said.contains("temperature"), "{said}");
    }
}
