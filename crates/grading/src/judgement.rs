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
