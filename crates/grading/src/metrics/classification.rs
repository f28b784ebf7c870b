//! How well verdicts are told apart, where they are classes rather than amounts. Figures equal scikit-learn's.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::bootstrap::{self, Bootstrap};
use super::random::SplitMix64;

/// One answer judged twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictPair {
    /// The position in the scale of the verdict taken as right.
    pub reference: usize,
    /// The position of the verdict compared with it.
    pub given: usize,
    /// Which student wrote the answer; answers of one student carry the same number.
    pub cluster: usize,
}

/// How well the verdicts of one scale are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Number of answers compared.
    pub count: usize,
    /// Share of answers with the same verdict, 0 to 1.
    pub accuracy: Estimate,
    /// Mean F1 of the verdicts, each weighed by how often the reference gives it, 0 to 1.
    pub weighted_f1: Estimate,
    /// Mean F1 of the verdicts that either side gives, all alike, 0 to 1.
    pub macro_f1: Estimate,
}

/// Compares verdicts with the reference, pooled over questions of one scale of `verdicts` steps. `None` without
/// pairs; a pair with a position outside the scale is left out.
///
/// Intervals are 95 % percentile intervals of a bootstrap over students, as those of [`agreement`].
///
/// [`agreement`]: super::agreement
pub fn classification(pairs: &[VerdictPair], verdicts: usize, options: Bootstrap) -> Option<Classification> {
    let on_scale = pairs.iter().filter(|pair| pair.reference < verdicts && pair.given < verdicts);
    let counts: Vec<(usize, ClassCounts)> =
        on_scale.map(|pair| (pair.cluster, ClassCounts::of(pair, verdicts))).collect();
    let units = bootstrap::units(&counts);
    if units.is_empty() {
        return None;
    }
    let mut random = SplitMix64::new(options.seed);
    let [accuracy, weighted_f1, macro_f1] =
        bootstrap::estimates(&units, options.resamples, &mut random, |counts| {
            [Some(counts.accuracy()), Some(counts.weighted_f1()), Some(counts.macro_f1())]
        });
    Some(Classification {
        count: counts.len(),
        accuracy: accuracy?,
        weighted_f1: weighted_f1?,
        macro_f1: macro_f1?,
    })
}

/// One a verdict; empty stands for no answers at all.
#[derive(Debug, Clone, Default)]
struct ClassCounts(Vec<ClassCount>);

#[derive(Debug, Clone, Copy, Default)]
struct ClassCount {
    reference: u32,
    given: u32,
    right: u32,
}

impl ClassCount {
    /// `2 * right / (given + reference)`, the harmonic mean of precision and recall. `None` where neither side
    /// gives it.
    fn f1(&self) -> Option<f64> {
        let either = self.given + self.reference;
        (either > 0).then(|| f64::from(2 * self.right) / f64::from(either))
    }
}

impl ClassCounts {
    fn of(pair: &VerdictPair, verdicts: usize) -> Self {
        let mut counts = vec![ClassCount::default(); verdicts];
        counts[pair.reference].reference = 1;
        counts[pair.given].given = 1;
        counts[pair.given].right = u32::from(pair.given == pair.reference);
        Self(counts)
    }

    fn answers(&self) -> f64 {
        f64::from(self.0.iter().map(|count| count.reference).sum::<u32>())
    }

    fn accuracy(&self) -> f64 {
        f64::from(self.0.iter().map(|count| count.right).sum::<u32>()) / self.answers()
    }

    fn weighted_f1(&self) -> f64 {
        let weighted = self.0.iter().map(|count| f64::from(count.reference) * count.f1().unwrap_or(0.0));
        weighted.sum::<f64>() / self.answers()
    }

    fn macro_f1(&self) -> f64 {
        let occurring: Vec<f64> = self.0.iter().filter_map(ClassCount::f1).collect();
        occurring.iter().sum::<f64>() / occurring.len() as f64
    }
}

impl Sum for ClassCounts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.reduce(|mut total, next| {
            total.0.iter_mut().zip(next.0).for_each(|(total, next)| {
                total.reference += next.reference;
                total.given += next.given;
                total.right += next.right;
            });
            total
        })
        .unwrap_or_default()
    }
}
