//! How the verdicts of a scale enter a regression: each for itself where they are words, by their share of the
//! maximum where they are marks.

use crate::guide::{Question, Verdict};

/// How the verdicts of a scale enter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScaleDesign {
    /// One row a verdict: what multiplies an answer's features.
    pub(super) directions: Vec<Vec<f64>>,
    /// One row a verdict: what holds whatever the answer says.
    pub(super) bases: Vec<Vec<f64>>,
}

impl ScaleDesign {
    /// For all questions of one scale of words.
    pub(super) fn of_names(verdicts: usize) -> Self {
        Self { directions: identity(verdicts), bases: vec![Vec::new(); verdicts] }
    }

    /// For questions whose scales differ: by the share of the maximum, and apart from it how readily none, half,
    /// all and a mark between are given. The more marks lie between, the less often each is given.
    pub(super) fn of_shares(question: &Question) -> Self {
        let shares = shares(question);
        let between = shares.iter().filter(|share| **share > 0.0 && **share < 1.0).count().max(1);
        let thinness = (between as f64).ln();
        let base = |share: &f64| {
            let is = |value: f64| f64::from(u8::from(*share == value));
            vec![is(0.0), is(0.5), is(1.0), (1.0 - is(0.0) - is(1.0)) * thinness]
        };
        Self { directions: by_share(&shares), bases: shares.iter().map(base).collect() }
    }

    /// For one question with marked answers of its own.
    pub(super) fn of_question(question: &Question) -> Self {
        let shares = shares(question);
        let bases = identity(shares.len());
        let directions = if question.is_judged_in_words() { bases.clone() } else { by_share(&shares) };
        Self { directions, bases }
    }
}

/// What an answer is worth, and how far it is from both ends: part marks have a wording of their own.
fn by_share(shares: &[f64]) -> Vec<Vec<f64>> {
    shares.iter().map(|share| vec![*share, 4.0 * share * (1.0 - share)]).collect()
}

/// Each verdict's share of the maximum, 0 to 1.
pub(super) fn shares(question: &Question) -> Vec<f64> {
    let maximum = f64::from(question.max_marks.thousandths().max(1));
    let share = |verdict: &Verdict| f64::from(verdict.marks.thousandths()) / maximum;
    question.scale().iter().map(|verdict| share(verdict).clamp(0.0, 1.0)).collect()
}

/// The names of a scale.
pub(super) fn names(scale: &[Verdict]) -> Vec<String> {
    scale.iter().map(|verdict| verdict.name.clone()).collect()
}

fn identity(size: usize) -> Vec<Vec<f64>> {
    let row = |row| (0..size).map(|column| f64::from(u8::from(row == column))).collect();
    (0..size).map(row).collect()
}
