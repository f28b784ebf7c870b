//! From what a language model thinks probable to a verdict that can be trusted: blended with what the words of an
//! answer say, calibrated, and with the confidence from which on nobody need look. Learnt on validation answers.

use serde::{Deserialize, Serialize};

use crate::blend::{Blend, BlendExample};
use crate::calibration::{NoThreshold, Temperature, Threshold, TooFewAnswers, WantedAgreement};
use crate::guide::Question;
use crate::lexical::{Baseline, LexicalModel, TrainingAnswer};
use crate::metrics::{Forecast, Prediction};

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

/// How far confidences are to be trusted on one kind of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Makes them mean what they say.
    pub temperature: Temperature,
    /// What is wanted of answers that are marked automatically.
    pub wanted: WantedAgreement,
    /// From which one on they are, where there is one.
    pub threshold: Option<Threshold>,
    /// What a person should know of both, in sentences.
    pub notes: Vec<String>,
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
        let examples: Vec<BlendExample> = validation
            .iter()
            .map(|one| BlendExample {
                sources: vec![one.model.clone(), lexical.distribution(one.question, one.answer)],
                verdict: one.verdict,
                marked_question: lexical.has_marked_answers(one.question),
                cluster: one.cluster,
            })
            .collect();
        let blend = Blend::fit(&examples, SOURCES.len());
        let forecasts = |marked: bool| -> Vec<Forecast> {
            let kind = examples.iter().filter(|example| example.marked_question == marked);
            kind.filter_map(|one| Forecast::new(&blend.distribution(&one.sources, marked), one.verdict))
                .collect()
        };
        let marked_questions = Confidence::fit(&forecasts(true), wanted);
        let new_questions = match forecasts(false).as_slice() {
            [] => marked_questions.for_new_questions(),
            forecasts => Confidence::fit(forecasts, wanted),
        };
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
            ("questions with marked answers", &self.blend.marked_questions, &self.marked_questions),
            ("other questions", &self.blend.new_questions, &self.new_questions),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, fit, confidence)| confidence.sentences(kind, &fit.weights))
            .collect()
    }

    /// What is known of the confidence of verdicts on that question.
    pub fn confidence(&self, question: &Question) -> &Confidence {
        match self.lexical.has_marked_answers(question) {
            true => &self.marked_questions,
            false => &self.new_questions,
        }
    }
}

impl Confidence {
    fn fit(forecasts: &[Forecast], wanted: WantedAgreement) -> Self {
        let mut notes = Vec::new();
        let temperature = Temperature::fit(forecasts).unwrap_or_else(|reason: TooFewAnswers| {
            notes.push(format!("Confidences are not calibrated: {reason}."));
            Temperature::NEUTRAL
        });
        let predictions: Vec<Prediction> = forecasts
            .iter()
            .filter_map(|forecast| {
                let calibrated = temperature.apply(forecast.probabilities());
                let best = most_probable(&calibrated)?;
                Some((calibrated[best], best == forecast.right()))
            })
            .collect();
        let threshold = Threshold::choose(&predictions, wanted);
        let threshold = threshold
            .map_err(|reason: NoThreshold| notes.push(format!("Every answer goes to a person: {reason}.")));
        Self { temperature, wanted, threshold: threshold.ok(), notes }
    }

    fn sentences(&self, kind: &str, weights: &[f64]) -> Vec<String> {
        let heard = SOURCES.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let sources: Vec<String> = heard.map(|(source, weight)| format!("{source} {weight:.2}")).collect();
        let Temperature { value, answers, .. } = self.temperature;
        let judged = format!(
            "On {kind}: judged by {}, calibrated on {answers} validation answers (temperature {value:.2}).",
            sources.join(" and ")
        );
        let threshold = self.threshold.map(|threshold| {
            format!(
                "From a confidence of {:.0} % on nobody need look, for an agreement of {:.0} %: that was {:.0} % of \
                 the validation answers.",
                threshold.confidence * 100.0,
                threshold.wanted.agreement * 100.0,
                threshold.automatic_share() * 100.0
            )
        });
        std::iter::once(judged).chain(threshold).chain(self.notes.iter().cloned()).collect()
    }

    /// Where no validation answer was to a question without marked answers: the temperature of the others is the
    /// best guess, but nothing is promised.
    fn for_new_questions(&self) -> Self {
        let note = "No validation answer was to a question without marked answers, so confidences there are \
                    calibrated as on the others, and every answer goes to a person.";
        Self { threshold: None, notes: vec![note.to_owned()], ..*self }
    }
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

    fn fitted(seen: &Question, validated: &Question) -> Judgement {
        let (training, validation) = (answers(40), answers(120));
        let training: Vec<TrainingAnswer<'_>> = training
            .iter()
            .map(|(answer, verdict)| TrainingAnswer { question: seen, answer, verdict: *verdict })
            .collect();
        // A language model that is right nine times out of ten, and far too sure of itself.
        let validation: Vec<ValidationAnswer<'_>> = validation
            .iter()
            .enumerate()
            .map(|(cluster, (answer, verdict))| {
                let said = if cluster % 9 == 0 { 1 - verdict } else { *verdict };
                let model =
                    vec![if said == 0 { 0.999 } else { 0.001 }, if said == 1 { 0.999 } else { 0.001 }];
                ValidationAnswer { question: validated, answer, verdict: *verdict, model, cluster }
            })
            .collect();
        Judgement::fit(&training, &validation, WANTED)
    }

    #[test]
    fn words_correct_a_language_model_that_is_too_sure_of_itself() {
        let question = question("1");
        let judgement = fitted(&question, &question);
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
    fn nothing_is_promised_of_questions_that_no_validation_answer_was_like() {
        let judgement = fitted(&question("1"), &question("1"));
        let confidence = judgement.confidence(&question("2"));
        assert!(confidence.threshold.is_none());
        assert!(confidence.notes[0].contains("every answer goes to a person"), "{:?}", confidence.notes);
        assert_eq!(confidence.temperature, judgement.marked_questions.temperature);
    }

    #[test]
    fn without_validation_answers_the_language_model_is_left_alone() {
        let question = question("1");
        let judgement = Judgement::fit(&[], &[], WANTED);
        assert_eq!(judgement.distribution(&question, "light", &[0.3, 0.7]), [0.3, 0.7]);
        assert!(judgement.marked_questions.notes.iter().any(|note| note.contains("not calibrated")));
    }
}
