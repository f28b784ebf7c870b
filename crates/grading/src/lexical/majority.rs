//! The least that a marker must beat: the verdicts as often as they were given, whatever the answer says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::prepared::{by_question, key};
use super::scale_design::{names, shares};
use super::{Baseline, TrainingAnswer};
use crate::guide::Question;

/// The verdicts' shares among a question's marked answers: its most probable verdict is the most frequent one, and
/// its expected mark the mean. Questions without marked answers get the shares among all answers, by name where
/// they have the scale that all questions have, else by the share of the maximum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Majority {
    /// By the question's [`key`].
    questions: BTreeMap<String, Counts>,
    /// Of all answers, where all questions have one scale.
    common: Option<Counts>,
    /// The share of the maximum that each answer got, ascending, with how often.
    shares: Vec<(f64, u32)>,
}

/// How often each verdict of a scale was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counts {
    names: Vec<String>,
    counts: Vec<u32>,
}

impl Counts {
    fn of(answers: &[TrainingAnswer]) -> Self {
        let names = names(&answers[0].question.scale());
        let mut counts = vec![0; names.len()];
        answers.iter().for_each(|answer| counts[answer.verdict] += 1);
        Self { names, counts }
    }

    fn distribution(&self, names: &[String]) -> Option<Vec<f64>> {
        let counts = self.counts.iter().copied().map(f64::from).collect();
        (self.names == names).then(|| scaled(counts))
    }
}

impl Majority {
    /// Counts. Answers whose verdict is not on their question's scale are left out.
    pub fn fit(answers: &[TrainingAnswer<'_>]) -> Self {
        let by_question = by_question(answers);
        let questions: BTreeMap<String, Counts> =
            by_question.iter().map(|(key, answers)| (key.clone(), Counts::of(answers))).collect();
        let mut given: Vec<f64> =
            by_question.values().flatten().map(|answer| shares(answer.question)[answer.verdict]).collect();
        given.sort_by(f64::total_cmp);
        let runs = given.chunk_by(|one, two| one == two);
        let shares = runs.map(|run| (run[0], run.len() as u32)).collect();
        Self { common: common(&questions), questions, shares }
    }

    /// Each answer's share of the maximum, spread over the two verdicts of this scale around it so that the mean
    /// stays.
    fn by_share(&self, question: &Question) -> Vec<f64> {
        let scale = shares(question);
        let mut sums = vec![0.0; scale.len()];
        for (share, count) in &self.shares {
            let above = scale.partition_point(|of_verdict| of_verdict < share).min(scale.len() - 1);
            let below = above.saturating_sub(1);
            let gap = scale[above] - scale[below];
            let upper = if gap > 0.0 { ((share - scale[below]) / gap).clamp(0.0, 1.0) } else { 1.0 };
            sums[above] += upper * f64::from(*count);
            sums[below] += (1.0 - upper) * f64::from(*count);
        }
        scaled(sums)
    }
}

impl Baseline for Majority {
    fn distribution(&self, question: &Question, _answer: &str) -> Vec<f64> {
        let names = names(&question.scale());
        let own = self.questions.get(&key(question)).and_then(|counts| counts.distribution(&names));
        let common = || self.common.as_ref().and_then(|counts| counts.distribution(&names));
        own.or_else(common).unwrap_or_else(|| self.by_share(question))
    }
}

fn common(questions: &BTreeMap<String, Counts>) -> Option<Counts> {
    let mut questions = questions.values();
    let mut sum = questions.next()?.clone();
    for question in questions {
        if question.names != sum.names {
            return None;
        }
        sum.counts.iter_mut().zip(&question.counts).for_each(|(sum, count)| *sum += count);
    }
    Some(sum)
}

/// To a sum of 1; all alike where there is nothing.
fn scaled(values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    let number = values.len() as f64;
    values.into_iter().map(|value| if sum > 0.0 { value / sum } else { 1.0 / number }).collect()
}
