//! How far marks that a distribution expects lie from those given, where questions have different maxima.

use gradus_domain::Marks;

use super::Estimate;
use super::bootstrap::{self, Bootstrap};
use super::random::SplitMix64;
use crate::guide;

/// The marks to expect of a distribution over a scale: each verdict's marks times its probability.
pub fn expected_marks(scale: &[guide::Verdict], distribution: &[f64]) -> f64 {
    let both = scale.iter().zip(distribution);
    both.map(|(verdict, probability)| verdict.marks.as_f64() * probability).sum()
}

/// One answer's mark and the mark that was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedMark {
    /// The mark taken as right.
    pub reference: Marks,
    /// The mark expected, in marks; may lie between the question's steps.
    pub expected: f64,
    /// The question's maximum, above 0.
    pub maximum: Marks,
    /// Which student wrote the answer; answers of one student carry the same number.
    pub cluster: usize,
}

/// The squared differences in parts of the maximum, and how many there are.
#[derive(Clone, Copy, Default)]
struct SquaredShares {
    squared: f64,
    count: f64,
}

impl std::iter::Sum for SquaredShares {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |total, next| Self {
            squared: total.squared + next.squared,
            count: total.count + next.count,
        })
    }
}

/// Root of the mean squared difference between expected and reference mark, each in parts of its question's
/// maximum. `None` without answers; answers to questions worth nothing are left out.
///
/// The interval is the 95 % percentile interval of a bootstrap over students.
pub fn root_mean_squared_share_error(answers: &[ExpectedMark], options: Bootstrap) -> Option<Estimate> {
    let worth_marks = answers.iter().filter(|answer| answer.maximum > Marks::ZERO);
    let squares: Vec<(usize, SquaredShares)> = worth_marks
        .map(|answer| {
            let share = (answer.expected - answer.reference.as_f64()) / answer.maximum.as_f64();
            (answer.cluster, SquaredShares { squared: share * share, count: 1.0 })
        })
        .collect();
    let units = bootstrap::units(&squares);
    if units.is_empty() {
        return None;
    }
    let mut random = SplitMix64::new(options.seed);
    let [error] = bootstrap::estimates(&units, options.resamples, &mut random, |sums| {
        [Some((sums.squared / sums.count).sqrt())]
    });
    error
}
