//! The answers that are left to a person, the ones first where looking is worth most.

use std::cmp::Reverse;

use gradus_domain::Marks;
use serde::{Deserialize, Serialize};

use super::Threshold;
use crate::guide::Verdict;

/// Differences below one millionth do not order answers: platforms differ in the last bits.
const RESOLUTION: f64 = 1e6;

/// A marked answer that a person may want to look at.
#[derive(Debug, Clone, Copy)]
pub struct PendingAnswer<'a> {
    /// The question's scale.
    pub scale: &'a [Verdict],
    /// What is thought probable of each verdict of the scale, after calibration.
    pub probabilities: &'a [f64],
    /// The mark that the model gives.
    pub given: Marks,
    /// How sure it is of it, as the threshold understands it.
    pub confidence: f64,
}

/// An answer in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Its position among all answers.
    pub position: usize,
    /// How far the mark given is expected to be from the right one, in parts of the maximum, 0 to 1.
    pub expected_error: f64,
    /// How open the verdict is: the entropy of the distribution in parts of the largest possible, 0 to 1.
    pub uncertainty: f64,
}

/// Answers to look at, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewQueue {
    /// The one first whose mark is expected to change most; of those the one whose verdict is most open (two
    /// verdicts may be worth the same).
    pub entries: Vec<QueueEntry>,
    /// All answers, those that were marked automatically included.
    pub answers: usize,
}

impl ReviewQueue {
    /// Queues the answers that the threshold does not accept; without a threshold, all of them. What a look is
    /// worth is the absolute error that it takes away: expected under the calibrated distribution, and in
    /// parts of the maximum, so that questions of many and of few marks count alike.
    pub fn new(answers: &[PendingAnswer<'_>], threshold: Option<&Threshold>) -> Self {
        let is_open = |answer: &PendingAnswer<'_>| {
            threshold.is_none_or(|threshold| !threshold.accepts(answer.confidence))
        };
        let open = answers.iter().enumerate().filter(|(_, answer)| is_open(answer));
        let mut entries: Vec<QueueEntry> = open
            .map(|(position, answer)| QueueEntry {
                position,
                expected_error: expected_error(answer),
                uncertainty: uncertainty(answer.probabilities),
            })
            .collect();
        let rounded = |value: f64| Reverse((value * RESOLUTION).round() as i64);
        // Stable: what is worth the same stays in the order of the answers.
        entries.sort_by_key(|entry| (rounded(entry.expected_error), rounded(entry.uncertainty)));
        Self { entries, answers: answers.len() }
    }

    /// By how much the mean absolute error over all answers is expected to fall, in parts of the maximum, when
    /// a person looks at the first `looks` answers of the queue and always finds the right mark.
    pub fn expected_gain(&self, looks: usize) -> f64 {
        let gained: f64 = self.entries.iter().take(looks).map(|entry| entry.expected_error).sum();
        gained / self.answers.max(1) as f64
    }
}

fn expected_error(answer: &PendingAnswer<'_>) -> f64 {
    let maximum = answer.scale.iter().map(|verdict| verdict.marks).max().unwrap_or(Marks::ZERO);
    if maximum <= Marks::ZERO {
        return 0.0;
    }
    let error = |verdict: &Verdict| f64::from((verdict.marks - answer.given).thousandths().abs());
    let weighted = answer.scale.iter().zip(answer.probabilities).map(|(verdict, p)| p * error(verdict));
    weighted.sum::<f64>() / f64::from(maximum.thousandths())
}

fn uncertainty(probabilities: &[f64]) -> f64 {
    if probabilities.len() < 2 {
        return 0.0;
    }
    let entropy: f64 = probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    entropy / (probabilities.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::WantedAgreement;

    fn scale(marks: &[i32]) -> Vec<Verdict> {
        let verdict = |(position, marks): (usize, &i32)| Verdict {
            name: position.to_string(),
            marks: Marks::from_thousandths(*marks),
        };
        marks.iter().enumerate().map(verdict).collect()
    }

    fn threshold(confidence: f64) -> Threshold {
        Threshold {
            confidence,
            wanted: WantedAgreement { agreement: 0.9, level: 0.95 },
            answers: 1,
            automatic: 1,
            agreement: 1.0,
            agreement_at_least: 0.9,
        }
    }

    #[test]
    fn answers_whose_mark_may_change_most_come_first_and_sure_ones_not_at_all() {
        let (one, four, words) = (scale(&[0, 1000]), scale(&[0, 2000, 4000]), scale(&[0, 0, 1000]));
        let answer = |scale, probabilities, given, confidence| PendingAnswer {
            scale,
            probabilities,
            given: Marks::from_thousandths(given),
            confidence,
        };
        let answers = [
            answer(&one, &[0.05, 0.95], 1000, 0.95),
            // .3 of one mark; then .1 · 2 + .2 · 4 of four, which is a quarter of them.
            answer(&one, &[0.3, 0.7], 1000, 0.7),
            answer(&four, &[0.2, 0.1, 0.7], 4000, 0.7),
            // Wrong or contradictory: it makes no difference to the mark, but one is more open.
            answer(&words, &[0.9, 0.1, 0.0], 0, 0.89),
            answer(&words, &[0.5, 0.5, 0.0], 0, 0.5),
        ];
        let queue = ReviewQueue::new(&answers, Some(&threshold(0.9)));
        let order: Vec<usize> = queue.entries.iter().map(|entry| entry.position).collect();
        assert_eq!(order, [1, 2, 4, 3]);
        assert!((queue.expected_gain(1) - 0.3 / 5.0).abs() < 1e-12);
        assert!((queue.expected_gain(99) - 0.55 / 5.0).abs() < 1e-12);
        assert_eq!(queue.expected_gain(0), 0.0);
        assert_eq!(ReviewQueue::new(&answers, None).entries.len(), 5);
    }

    #[test]
    fn an_empty_queue_and_odd_scales_are_worth_nothing() {
        assert_eq!(ReviewQueue::new(&[], None).expected_gain(3), 0.0);
        let nothing = scale(&[0]);
        let answer =
            PendingAnswer { scale: &nothing, probabilities: &[1.0], given: Marks::ZERO, confidence: 1.0 };
        let queue = ReviewQueue::new(&[answer], None);
        assert_eq!((queue.entries[0].expected_error, queue.entries[0].uncertainty), (0.0, 0.0));
    }
}
