//! The cluster bootstrap: whole students are drawn with replacement, since one student's answers rise
//! and fall together (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::random::SplitMix64;

/// How uncertainty is estimated. The same options and data give the same numbers on every platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// How many times the students are drawn anew.
    pub resamples: usize,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 2000, seed: 1 }
    }
}

/// Gathers what belongs to one student. Where all of it belongs to a single student there is nothing to
/// draw between, so each answer becomes its own unit: an interval of zero width would be the worse lie.
pub(super) fn units<T: Clone + std::iter::Sum>(answers: &[(usize, T)]) -> Vec<T> {
    let mut by_student: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for (student, value) in answers {
        by_student.entry(*student).or_default().push(value.clone());
    }
    if by_student.len() == 1 {
        return answers.iter().map(|(_, value)| value.clone()).collect();
    }
    by_student.into_values().map(|values| values.into_iter().sum()).collect()
}

/// The statistics on all units, each with its 95 % percentile interval. A resample in which a statistic is
/// undefined is left out of its interval; a statistic undefined on all the data is `None`.
pub(super) fn estimates<T: Clone + std::iter::Sum, const N: usize>(
    units: &[T],
    resamples: usize,
    random: &mut SplitMix64,
    statistics: impl Fn(&T) -> [Option<f64>; N],
) -> [Option<Estimate>; N] {
    let mut columns: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(resamples));
    for _ in 0..resamples {
        let drawn: T = units.iter().map(|_| units[random.below(units.len())].clone()).sum();
        for (column, value) in columns.iter_mut().zip(statistics(&drawn)) {
            column.extend(value);
        }
    }
    let values = statistics(&units.iter().cloned().sum());
    std::array::from_fn(|n| values[n].map(|value| interval(value, &mut columns[n])))
}

fn interval(value: f64, resampled: &mut [f64]) -> Estimate {
    resampled.sort_by(f64::total_cmp);
    Estimate {
        value,
        low: quantile(resampled, 0.025).unwrap_or(value),
        high: quantile(resampled, 0.975).unwrap_or(value),
    }
}

/// Linear interpolation between the two nearest ranks (Hyndman and Fan's type 7).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    Some(sorted[below] + (sorted[above] - sorted[below]) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_the_nearest_ranks() {
        // numpy.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            let found = quantile(&sorted, share).unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// A sum and a count, for the mean.
    #[derive(Clone, Copy)]
    struct Mean(f64, f64);

    impl std::iter::Sum for Mean {
        fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
            all.fold(Mean(0.0, 0.0), |a, b| Mean(a.0 + b.0, a.1 + b.1))
        }
    }

    /// 40 students with 10 answers each. Half of them, at random, are right on 9 answers of 10 and half
    /// on 5 of 10: the true share is 0.7, and answers of one student are far from independent.
    fn simulated_class(random: &mut SplitMix64) -> Vec<(usize, Mean)> {
        let mut answers = Vec::new();
        for student in 0..40 {
            let right_of_ten = if random.coin() { 9 } else { 5 };
            for _ in 0..10 {
                let right = random.below(10) < right_of_ten;
                answers.push((student, Mean(f64::from(u8::from(right)), 1.0)));
            }
        }
        answers
    }

    fn covers(units: &[Mean], random: &mut SplitMix64) -> bool {
        let share = |total: &Mean| [Some(total.0 / total.1)];
        let [estimate] = estimates(units, 300, random, share);
        let estimate = estimate.unwrap();
        (estimate.low..=estimate.high).contains(&0.7)
    }

    #[test]
    fn the_interval_covers_the_truth_about_95_times_in_100_and_only_when_students_are_drawn() {
        let mut random = SplitMix64::new(20);
        let (mut by_student, mut by_answer) = (0, 0);
        for _ in 0..600 {
            let class = simulated_class(&mut random);
            by_student += u32::from(covers(&units(&class), &mut random));
            let answers: Vec<Mean> = class.iter().map(|(_, answer)| *answer).collect();
            by_answer += u32::from(covers(&answers, &mut random));
        }
        // Of 600, 95 % is 570 with a standard deviation of 5.3; 40 students cost the percentile interval
        // about one point.
        assert!((546..=588).contains(&by_student), "{by_student} of 600");
        assert!(by_answer < 525, "{by_answer} of 600");
    }
}
