//! What a set of compared marks adds up to. Sums of whole thousandths, so that adding is exact and its
//! order never matters; every measure of agreement follows from them.

use std::ops::Add;

use gradus_domain::Marks;

const THOUSANDTHS_PER_MARK: f64 = 1000.0;

/// Sums over pairs of (reference, given) marks, in thousandths of a mark.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) count: i128,
    reference: i128,
    given: i128,
    reference_squared: i128,
    given_squared: i128,
    difference_squared: i128,
    pub(super) absolute_difference: i128,
    exact: i128,
    adjacent: i128,
}

impl Sums {
    /// The sums of one pair; marks at most `step` apart are adjacent.
    pub(super) fn of(reference: Marks, given: Marks, step: Marks) -> Self {
        let step = i128::from(step.thousandths());
        let (reference, given) = (i128::from(reference.thousandths()), i128::from(given.thousandths()));
        let difference = (given - reference).abs();
        Self {
            count: 1,
            reference,
            given,
            reference_squared: reference * reference,
            given_squared: given * given,
            difference_squared: difference * difference,
            absolute_difference: difference,
            exact: i128::from(difference == 0),
            adjacent: i128::from(difference <= step),
        }
    }

    /// Cohen's kappa with quadratic weights, by the identity
    /// `1 - mean((a - b)²) / (var(a) + var(b) + (mean(a) - mean(b))²)`
    /// (Schuster, Educational and Psychological Measurement 64(2), 2004): with weights `(a - b)²` the disagreement
    /// expected by chance is the mean squared difference over all pairs of one reference and one given mark.
    /// So any mark is its own category, on or off the step. Multiplied by `n²`, both parts are whole numbers.
    pub(super) fn quadratic_weighted_kappa(&self) -> Option<f64> {
        let observed = self.count * self.difference_squared;
        let by_chance =
            self.count * (self.reference_squared + self.given_squared) - 2 * self.reference * self.given;
        (by_chance > 0).then(|| 1.0 - observed as f64 / by_chance as f64)
    }

    pub(super) fn exact_agreement(&self) -> f64 {
        self.mean(self.exact)
    }

    pub(super) fn adjacent_agreement(&self) -> f64 {
        self.mean(self.adjacent)
    }

    pub(super) fn mean_absolute_error(&self) -> f64 {
        self.mean(self.absolute_difference) / THOUSANDTHS_PER_MARK
    }

    pub(super) fn root_mean_squared_error(&self) -> f64 {
        self.mean(self.difference_squared).sqrt() / THOUSANDTHS_PER_MARK
    }

    pub(super) fn bias(&self) -> f64 {
        self.mean(self.given - self.reference) / THOUSANDTHS_PER_MARK
    }

    fn mean(&self, sum: i128) -> f64 {
        sum as f64 / self.count as f64
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            reference: self.reference + other.reference,
            given: self.given + other.given,
            reference_squared: self.reference_squared + other.reference_squared,
            given_squared: self.given_squared + other.given_squared,
            difference_squared: self.difference_squared + other.difference_squared,
            absolute_difference: self.absolute_difference + other.absolute_difference,
            exact: self.exact + other.exact,
            adjacent: self.adjacent + other.adjacent,
        }
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
