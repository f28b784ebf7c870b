//! How far marks are to be trusted, as reports tell it: what judged them, calibration, automatic marking, attacks.

use gradus_grading::blend::BlendFit;
use gradus_grading::guide::Verdict;
use gradus_grading::judgement::{Confidence, Judgement, SOURCES};
use gradus_grading::metrics::{
    Bootstrap, ConfidenceBin, Prediction, VerdictPair, brier_score, classification, confidence_bins,
    expected_calibration_error, risk_coverage_curve,
};
use gradus_grading::robustness::AttackGroup;
use gradus_report::data::{
    AttackExample, AutomaticMarking, CalibrationFacts, ConfidenceScores, CoveragePoint, MarkingFacts,
    MarkingSource, RobustnessFacts,
};

use crate::robustness::{Attack, Robustness};

/// Attacks that worked, shown as examples.
const EXAMPLES: usize = 10;

/// A verdict with how sure it was and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Of the verdict, 0 to 1.
    pub(crate) confidence: f64,
    /// Whether it is the known one.
    pub(crate) right: bool,
    /// Whether the threshold lets it stand without a person's look.
    pub(crate) automatic: bool,
    /// Whether the question has marked answers in training.
    pub(crate) seen_question: bool,
    /// Which student wrote the answer.
    pub(crate) cluster: usize,
}

pub(crate) fn marking_facts(judgement: &Judgement) -> MarkingFacts {
    let Judgement { blend, marked_questions, new_questions, .. } = judgement;
    let sources = |fit: &BlendFit| -> Vec<MarkingSource> {
        let weights = SOURCES.iter().zip(&fit.weights);
        weights.map(|(name, weight)| MarkingSource { name: (*name).to_owned(), weight: *weight }).collect()
    };
    let calibration = |confidence: &Confidence| CalibrationFacts {
        temperature: (confidence.temperature.answers > 0).then_some(confidence.temperature.value),
        validation_answers: confidence.temperature.answers,
    };
    let notes: Vec<&str> =
        marked_questions.notes.iter().chain(&new_questions.notes).map(String::as_str).collect();
    MarkingFacts {
        seen_questions: sources(&blend.marked_questions),
        unseen_questions: sources(&blend.new_questions),
        seen_calibration: calibration(marked_questions),
        unseen_calibration: calibration(new_questions),
        note: (!notes.is_empty()).then(|| notes.join(" ")),
    }
}

/// What may be marked without a person's look, on each kind of questions that was tested.
pub(crate) fn automatic_marking(judgement: &Judgement, outcomes: &[Outcome]) -> Vec<AutomaticMarking> {
    let kinds = [
        ("answers to questions with marked answers in training", true, &judgement.marked_questions),
        ("answers to questions without marked answers in training", false, &judgement.new_questions),
    ];
    let of_kind = |(kind, seen, confidence): (&str, bool, &Confidence)| {
        let outcomes: Vec<Outcome> =
            outcomes.iter().filter(|outcome| outcome.seen_question == seen).copied().collect();
        automatic_marking_of(kind, confidence, &outcomes)
    };
    kinds.into_iter().filter_map(of_kind).collect()
}

/// `None` without outcomes.
fn automatic_marking_of(
    kind: &str,
    confidence: &Confidence,
    outcomes: &[Outcome],
) -> Option<AutomaticMarking> {
    let accepted: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.automatic).collect();
    let pairs: Vec<VerdictPair> = accepted
        .iter()
        .map(|outcome| VerdictPair {
            reference: 1,
            given: usize::from(outcome.right),
            cluster: outcome.cluster,
        })
        .collect();
    let threshold = confidence.threshold.as_ref();
    (!outcomes.is_empty()).then(|| AutomaticMarking {
        kind: kind.to_owned(),
        count: outcomes.len(),
        wanted_agreement: confidence.wanted.agreement,
        threshold: threshold.map(|threshold| threshold.confidence),
        share_on_validation: threshold.map_or(0.0, |threshold| threshold.automatic_share()),
        share_here: accepted.len() as f64 / outcomes.len() as f64,
        agreement_here: classification(&pairs, 2, Bootstrap::default()).map(|found| found.accuracy),
        reason: threshold.is_none().then(|| confidence.notes.join(" ")),
    })
}

/// How sure verdicts were and whether they were right.
pub(crate) fn predictions(outcomes: &[Outcome]) -> Vec<Prediction> {
    outcomes.iter().map(|outcome| (outcome.confidence, outcome.right)).collect()
}

pub(crate) fn bins(outcomes: &[Outcome]) -> Vec<ConfidenceBin> {
    confidence_bins(&predictions(outcomes))
}

/// `None` without outcomes.
pub(crate) fn confidence_scores(outcomes: &[Outcome]) -> Option<ConfidenceScores> {
    let predictions = predictions(outcomes);
    Some(ConfidenceScores {
        expected_calibration_error: expected_calibration_error(&predictions)?,
        brier: brier_score(&predictions)?,
    })
}

/// Agreement on the surest answers, by how many these are.
pub(crate) fn coverage(outcomes: &[Outcome]) -> Vec<CoveragePoint> {
    let losses = outcomes.iter().map(|outcome| (outcome.confidence, f64::from(u8::from(!outcome.right))));
    let curve = risk_coverage_curve(&losses.collect::<Vec<_>>());
    curve
        .iter()
        .map(|point| CoveragePoint { coverage: point.coverage, agreement: 1.0 - point.risk })
        .collect()
}

pub(crate) fn robustness_facts(robustness: &Robustness) -> RobustnessFacts {
    let Robustness { summary, answers, attacks } = robustness;
    // The worst of each purpose in turn, so that one kind does not fill the list.
    let mut positions: Vec<(usize, usize)> =
        summary.groups.values().flat_map(|group| group.worst.iter().copied().enumerate()).collect();
    positions.sort_unstable();
    let chosen = positions.into_iter().filter_map(|(_, position)| attacks.get(position)).take(EXAMPLES);
    RobustnessFacts { summary: summary.clone(), answers: *answers, examples: chosen.map(example).collect() }
}

fn example(attack: &Attack) -> AttackExample {
    let verdict =
        |marking: &crate::marking::Marking| Verdict { name: marking.verdict.clone(), marks: marking.mark };
    let lowest = attack.question.worthless_verdict();
    let before = match attack.kind.group() {
        AttackGroup::Worthless => lowest.unwrap_or_else(|| verdict(&attack.original)),
        AttackGroup::Contradiction | AttackGroup::Injection => verdict(&attack.original),
    };
    AttackExample {
        kind: attack.kind,
        question: attack.question.id.clone(),
        answer: attack.text.clone(),
        before,
        after: verdict(&attack.attacked),
    }
}
