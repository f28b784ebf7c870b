//! Two models marking the same answers: is the trained one better than the base?

use gradus_domain::Marks;

use super::bootstrap::{self, Bootstrap};
use super::random::SplitMix64;
use super::sums::Sums;
use super::{Estimate, PairedComparison, Verdict};

/// Largest p-value at which a difference counts as measured.
const SIGNIFICANCE: f64 = 0.05;

/// One answer marked by a person and by two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedMarks {
    /// The mark taken as right.
    pub reference: Marks,
    /// The base model's mark.
    pub base: Marks,
    /// The trained model's mark.
    pub trained: Marks,
    /// Which student wrote the answer; answers of one student carry the same number.
    pub cluster: usize,
}

/// The sums of both models over the same answers.
#[derive(Clone, Copy, Default)]
struct PairedSums {
    base: Sums,
    trained: Sums,
}

impl std::iter::Sum for PairedSums {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |total, next| Self {
            base: total.base + next.base,
            trained: total.trained + next.trained,
        })
    }
}

impl PairedSums {
    fn kappa_difference(&self) -> Option<f64> {
        Some(self.trained.quadratic_weighted_kappa()? - self.base.quadratic_weighted_kappa()?)
    }

    /// Thousandths of a mark by which the base model errs more, in total.
    fn saved_error(&self) -> i128 {
        self.base.absolute_difference - self.trained.absolute_difference
    }

    fn error_reduction(&self) -> f64 {
        self.saved_error() as f64 / self.base.count as f64 / 1000.0
    }
}

/// Compares two models on the same answers. `None` without answers.
///
/// Intervals are 95 % percentile intervals of a bootstrap over students in which both models keep the same
/// answers; with a single student, over answers.
pub fn compare(answers: &[PairedMarks], options: Bootstrap) -> Option<PairedComparison> {
    let sums: Vec<(usize, PairedSums)> =
        answers.iter().map(|answer| (answer.cluster, paired_sums(answer))).collect();
    let units = bootstrap::units(&sums);
    if units.is_empty() {
        return None;
    }
    let mut random = SplitMix64::new(options.seed);
    let [kappa_difference, error_reduction] =
        bootstrap::estimates(&units, options.resamples, &mut random, |sums| {
            [sums.kappa_difference(), Some(sums.error_reduction())]
        });
    let error_reduction = error_reduction?;
    let saved: Vec<i128> = units.iter().map(PairedSums::saved_error).collect();
    let p_value = sign_flip_p_value(&saved, options.resamples, &mut random);
    Some(PairedComparison {
        kappa_difference,
        error_reduction,
        p_value,
        verdict: verdict(error_reduction, p_value),
    })
}

fn paired_sums(answer: &PairedMarks) -> PairedSums {
    // No step: adjacent agreement is not compared.
    let sums = |given| Sums::of(answer.reference, given, Marks::ZERO);
    PairedSums { base: sums(answer.base), trained: sums(answer.trained) }
}

/// Interval and test must agree: with few students the interval alone is too narrow.
fn verdict(error_reduction: Estimate, p_value: f64) -> Verdict {
    if p_value > SIGNIFICANCE {
        Verdict::NoMeasurableImprovement
    } else if error_reduction.low > 0.0 {
        Verdict::Improvement
    } else if error_reduction.high < 0.0 {
        Verdict::Deterioration
    } else {
        Verdict::NoMeasurableImprovement
    }
}

/// Two-sided p-value of the paired permutation test (Fisher 1935): were the models alike, each student's
/// difference could as well have the other sign. All sign patterns are tried where there are no more than
/// `resamples`, else that many at random, with the observed one counted in (Phipson and Smyth 2010).
fn sign_flip_p_value(differences: &[i128], resamples: usize, random: &mut SplitMix64) -> f64 {
    let differences: Vec<i128> = differences.iter().copied().filter(|d| *d != 0).collect();
    let observed = differences.iter().sum::<i128>().abs();
    let as_far = |flips: &mut dyn FnMut(usize) -> bool| {
        let signed = differences.iter().enumerate();
        let total: i128 = signed.map(|(n, d)| if flips(n) { -d } else { *d }).sum();
        usize::from(total.abs() >= observed)
    };
    let patterns = u32::try_from(differences.len()).ok().and_then(|count| 1_usize.checked_shl(count));
    match patterns.filter(|patterns| *patterns <= resamples.max(1)) {
        Some(patterns) => {
            let extreme: usize = (0..patterns).map(|pattern| as_far(&mut |n| pattern >> n & 1 == 1)).sum();
            extreme as f64 / patterns as f64
        }
        None => {
            let extreme: usize = (0..resamples).map(|_| as_far(&mut |_| random.coin())).sum();
            (extreme + 1) as f64 / (resamples + 1) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_students_are_permuted_exhaustively() {
        // scipy.stats.permutation_test on [1, 0.5, 2, -0.5, 0, 1.5] against zeros, all permutations: 0.1875.
        let differences = [1000, 500, 2000, -500, 0, 1500];
        let p_value = sign_flip_p_value(&differences, 2000, &mut SplitMix64::new(1));
        assert_eq!(p_value, 0.1875);
    }

    #[test]
    fn many_students_are_permuted_at_random_to_about_the_same_p_value() {
        let differences = [1000, 500, 2000, -500, 0, 1500];
        // Fewer resamples than the 32 patterns: the random branch. Averaged over seeds it nears
        // the exact value, a little above for the observed pattern that is counted in.
        let mean = (0..2000)
            .map(|seed| sign_flip_p_value(&differences, 31, &mut SplitMix64::new(seed)))
            .sum::<f64>()
            / 2000.0;
        let expected = (0.1875 * 31.0 + 1.0) / 32.0;
        assert!((mean - expected).abs() < 0.01, "{mean}, not {expected}");
    }

    #[test]
    fn models_that_never_differ_have_a_p_value_of_one() {
        assert_eq!(sign_flip_p_value(&[0, 0], 2000, &mut SplitMix64::new(1)), 1.0);
        assert_eq!(sign_flip_p_value(&[0, 0], 0, &mut SplitMix64::new(1)), 1.0);
    }
}
