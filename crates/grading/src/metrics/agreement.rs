//! One marker against another on the same answers.

use gradus_domain::Marks;

use super::bootstrap::{self, Bootstrap};
use super::random::SplitMix64;
use super::sums::Sums;
use super::{Agreement, ConfusionMatrix};

/// One answer marked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkPair {
    /// The mark taken as right.
    pub reference: Marks,
    /// The mark compared with it; may lie between the question's steps.
    pub given: Marks,
    /// The question's smallest step between marks.
    pub step: Marks,
    /// Which student wrote the answer; answers of one student carry the same number.
    pub cluster: usize,
}

/// Measures how far the given marks agree with the reference, pooled over questions. `None` without pairs.
///
/// Intervals are 95 % percentile intervals of a bootstrap over students; with a single student, over
/// answers. They are too narrow for a handful of students, and have no width where every answer agrees.
pub fn agreement(pairs: &[MarkPair], options: Bootstrap) -> Option<Agreement> {
    let sums: Vec<(usize, Sums)> =
        pairs.iter().map(|pair| (pair.cluster, Sums::of(pair.reference, pair.given, pair.step))).collect();
    let mut random = SplitMix64::new(options.seed);
    let units = bootstrap::units(&sums);
    if units.is_empty() {
        return None;
    }
    let [kappa, exact, adjacent, absolute, squared, bias] =
        bootstrap::estimates(&units, options.resamples, &mut random, |sums| {
            [
                sums.quadratic_weighted_kappa(),
                Some(sums.exact_agreement()),
                Some(sums.adjacent_agreement()),
                Some(sums.mean_absolute_error()),
                Some(sums.root_mean_squared_error()),
                Some(sums.bias()),
            ]
        });
    Some(Agreement {
        count: pairs.len(),
        quadratic_weighted_kappa: kappa,
        exact_agreement: exact?,
        adjacent_agreement: adjacent?,
        mean_absolute_error: absolute?,
        root_mean_squared_error: squared?,
        bias: bias?,
    })
}

/// Counts how often each reference mark met each given mark. The matrix has a row and a column for every
/// mark of `legal_marks` and for every other mark that occurs.
pub fn confusion(pairs: &[MarkPair], legal_marks: &[Marks]) -> ConfusionMatrix {
    let occurring = pairs.iter().flat_map(|pair| [pair.reference, pair.given]);
    let mut marks: Vec<Marks> = occurring.chain(legal_marks.iter().copied()).collect();
    marks.sort_unstable();
    marks.dedup();
    let mut counts = vec![vec![0; marks.len()]; marks.len()];
    for pair in pairs {
        let row = marks.partition_point(|mark| *mark < pair.reference);
        let column = marks.partition_point(|mark| *mark < pair.given);
        counts[row][column] += 1;
    }
    ConfusionMatrix { marks, counts }
}
