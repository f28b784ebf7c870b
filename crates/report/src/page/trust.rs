//! How marks were judged, how well confidences hold, and what may be marked without a second look.

use gradus_grading::metrics::Estimate;

use super::facts::{FactList, calibrations};
use crate::data::{AutomaticMarking, ConfidenceQuality, ConfidenceScores, MarkingFacts, MarkingSource};
use crate::numbers::{decimal, percent, percent_interval, small_percent};

/// What judged an answer, with its weights.
pub(super) struct Marking {
    pub(super) sources: Vec<SourceRow>,
    pub(super) calibration: FactList,
    pub(super) note: String,
}

/// One judge.
pub(super) struct SourceRow {
    pub(super) name: String,
    pub(super) seen: String,
    pub(super) unseen: String,
}

/// Every judge once, in the order of the facts.
pub(super) fn marking(facts: &MarkingFacts) -> Marking {
    let weight = |sources: &[MarkingSource], name: &str| {
        let source = sources.iter().find(|source| source.name == name);
        source.map_or_else(|| "–".to_owned(), |source| decimal(source.weight, 2))
    };
    let mut names: Vec<&str> = Vec::new();
    for source in facts.seen_questions.iter().chain(&facts.unseen_questions) {
        if !names.contains(&source.name.as_str()) {
            names.push(&source.name);
        }
    }
    let row = |name: &str| SourceRow {
        name: name.to_owned(),
        seen: weight(&facts.seen_questions, name),
        unseen: weight(&facts.unseen_questions, name),
    };
    Marking {
        sources: names.into_iter().map(row).collect(),
        calibration: calibrations(facts),
        note: facts.note.clone().unwrap_or_default(),
    }
}

/// Scores of the confidences at one stage.
pub(super) struct ScoreRow {
    pub(super) name: &'static str,
    pub(super) calibration_error: String,
    pub(super) brier: String,
}

/// Scores after calibration, then before.
pub(super) fn scores(quality: &ConfidenceQuality) -> Vec<ScoreRow> {
    let row = |name, scores: &ConfidenceScores| ScoreRow {
        name,
        calibration_error: small_percent(scores.expected_calibration_error),
        brier: decimal(scores.brier, 3),
    };
    match &quality.uncalibrated {
        Some(before) => {
            vec![row("After calibration", &quality.calibrated), row("Before calibration", before)]
        }
        None => vec![row("As they are (not calibrated)", &quality.calibrated)],
    }
}

/// What may be marked without a second look, and how it was chosen.
pub(super) struct Automatic {
    pub(super) lead: String,
    pub(super) sentences: Vec<String>,
}

/// The finding in sentences.
pub(super) fn automatic(automatic: &AutomaticMarking) -> Automatic {
    let Some(threshold) = automatic.threshold else {
        return Automatic {
            lead: format!("None of the {} should be marked without a second look.", automatic.kind),
            sentences: automatic.reason.iter().cloned().collect(),
        };
    };
    let chosen = format!(
        "An answer is marked automatically where the model’s confidence is at least {}. That was chosen on \
         validation answers, of which it accepts {}.",
        percent(threshold),
        percent(automatic.share_on_validation),
    );
    match &automatic.agreement_here {
        Some(agreement) => Automatic {
            lead: format!(
                "Of the {}, {} could be marked without a second look, and {} ({}) of those marks agree with \
                 the teacher’s.",
                automatic.kind,
                percent(automatic.share_here),
                percent(agreement.value),
                percent_interval(agreement),
            ),
            sentences: vec![beside_wanted(agreement, automatic), chosen],
        },
        None => Automatic {
            lead: format!(
                "None of the {} is sure enough to be marked without a second look.",
                automatic.kind
            ),
            sentences: vec![chosen],
        },
    }
}

fn beside_wanted(agreement: &Estimate, automatic: &AutomaticMarking) -> String {
    let wanted = percent(automatic.wanted_agreement);
    if agreement.low >= automatic.wanted_agreement {
        format!("The aim was {wanted}: this test shows that it is reached.")
    } else if agreement.high < automatic.wanted_agreement {
        format!(
            "The aim was {wanted}: it is missed, beyond the uncertainty of this test. These answers differ \
             from those that the threshold was chosen on, so look at all of them."
        )
    } else {
        format!(
            "The aim was {wanted}, which lies within the interval: this test neither shows that it is reached \
             nor that it is missed."
        )
    }
}
