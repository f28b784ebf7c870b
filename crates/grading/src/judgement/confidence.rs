//! How far confidences are to be trusted: a temperature and a threshold for each of two kinds of questions.

use serde::{Deserialize, Serialize};

use super::{SOURCES, most_probable};
use crate::blend::{Blend, BlendExample};
use crate::calibration::{JudgedAnswer, NoThreshold, Temperature, Threshold, TooFewAnswers, WantedAgreement};
use crate::metrics::Forecast;

/// How far confidences are to be trusted on one kind of questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Makes them mean what they say.
    pub temperature: Temperature,
    /// What it was fitted on.
    pub calibration: Calibration,
    /// What is wanted of answers that are marked automatically.
    pub wanted: WantedAgreement,
    /// From which one on they are, where there is one.
    pub threshold: Option<Threshold>,
    /// What a person should know of both, in sentences.
    pub notes: Vec<String>,
}

/// What a temperature was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Validation answers to questions of this kind.
    Own,
    /// Those to the other kind: there were too few of this one.
    OfOtherQuestions,
    /// Nothing: there were too few of both.
    None,
}

/// The two kinds of questions, on which confidences mean different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuestionKind {
    Marked,
    New,
}

impl QuestionKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Marked => "questions with marked answers",
            Self::New => "questions without marked answers",
        }
    }
}

/// The validation answers of one kind, blended.
pub(super) struct Validation {
    kind: QuestionKind,
    /// Of the same length.
    forecasts: Vec<Forecast>,
    clusters: Vec<usize>,
    temperature: Result<Temperature, TooFewAnswers>,
}

impl Validation {
    pub(super) fn of(kind: QuestionKind, examples: &[BlendExample], blend: &Blend) -> Self {
        let marked = kind == QuestionKind::Marked;
        let of_kind = examples.iter().filter(|example| example.marked_question == marked);
        let forecast = |one: &BlendExample| {
            let blended = blend.distribution(&one.sources, marked);
            Some((Forecast::new(&blended, one.verdict)?, one.cluster))
        };
        let (forecasts, clusters): (Vec<Forecast>, Vec<usize>) = of_kind.filter_map(forecast).unzip();
        Self { kind, temperature: Temperature::fit(&forecasts), forecasts, clusters }
    }

    /// What becomes of each answer's most probable verdict.
    fn judged(&self, temperature: &Temperature) -> Vec<JudgedAnswer> {
        let judged = |(forecast, cluster): (&Forecast, &usize)| {
            let calibrated = temperature.apply(forecast.probabilities());
            let best = most_probable(&calibrated)?;
            Some(JudgedAnswer {
                confidence: calibrated[best],
                agrees: best == forecast.right(),
                cluster: *cluster,
            })
        };
        self.forecasts.iter().zip(&self.clusters).filter_map(judged).collect()
    }
}

impl Confidence {
    /// Where a kind has too few answers of its own, the other kind's temperature is the best guess.
    pub(super) fn fit(own: &Validation, other: &Validation, wanted: WantedAgreement) -> Self {
        let (kind, mut notes) = (own.kind.name(), Vec::new());
        let (temperature, calibration) = match (own.temperature, other.temperature) {
            (Ok(temperature), _) => (temperature, Calibration::Own),
            (Err(reason), Ok(temperature)) => {
                let other = other.kind.name();
                notes.push(format!("Confidences on {kind} are calibrated as on {other}, since {reason}."));
                (temperature, Calibration::OfOtherQuestions)
            }
            (Err(reason), Err(_)) => {
                notes.push(format!("Confidences on {kind} are not calibrated, since {reason}."));
                (Temperature::NEUTRAL, Calibration::None)
            }
        };
        let threshold = Threshold::choose(&own.judged(&temperature), wanted);
        let threshold = threshold.map_err(|reason: NoThreshold| {
            notes.push(format!("Every answer to {kind} goes to a person: {reason}."));
        });
        Self { temperature, calibration, wanted, threshold: threshold.ok(), notes }
    }

    pub(super) fn sentences(&self, kind: QuestionKind, weights: &[f64]) -> Vec<String> {
        let heard = SOURCES.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let sources: Vec<String> = heard.map(|(source, weight)| format!("{source} {weight:.2}")).collect();
        let Temperature { value, answers, .. } = self.temperature;
        let calibrated = match self.calibration {
            Calibration::Own => {
                format!(", calibrated on {answers} validation answers (temperature {value:.2})")
            }
            // The notes say so.
            Calibration::OfOtherQuestions | Calibration::None => String::new(),
        };
        let judged = format!("On {}: judged by {}{calibrated}.", kind.name(), sources.join(" and "));
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
}
