//! What a sample is worth whose answers are not independent: one student's answers, and still more the answers to
//! one question, are right or wrong together.

use std::collections::BTreeMap;

/// How alike answers of one cluster are, 0 (not at all) to 1 (all the same): the analysis-of-variance estimate of
/// the intra-cluster correlation (Donner, "A review of inference procedures for the intraclass correlation
/// coefficient", International Statistical Review 54(1), 1986), which does well for shares too (Ridout, Demétrio
/// and Firth, Biometrics 55(1), 1999). 0 where every answer is a cluster of its own.
pub(super) fn intra_cluster_correlation(outcomes: impl Iterator<Item = (usize, bool)>) -> f64 {
    // Of each cluster the number of answers and how many of them are right.
    let mut clusters = BTreeMap::<usize, (f64, f64)>::new();
    for (cluster, right) in outcomes {
        let (answers, all_right) = clusters.entry(cluster).or_default();
        *answers += 1.0;
        *all_right += f64::from(u8::from(right));
    }
    let total = |of: fn(&(f64, f64)) -> f64| clusters.values().map(of).sum::<f64>();
    let (number, answers, right) = (clusters.len() as f64, total(|one| one.0), total(|one| one.1));
    if number < 2.0 || answers <= number {
        return 0.0;
    }
    let of_means = total(|(answers, right)| right * right / answers);
    let between = (of_means - right * right / answers) / (number - 1.0);
    let within = (right - of_means) / (answers - number);
    let usual_size = (answers - total(|one| one.0 * one.0) / answers) / (number - 1.0);
    let whole = between + (usual_size - 1.0) * within;
    if whole > 0.0 { ((between - within) / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// How many independent answers the first one, two, three … answers are worth: their number divided by the design
/// effect `1 + (b - 1) · correlation`, where `b` is the size of the cluster that an answer is in on average
/// (Kish, Survey Sampling, 1965, section 5.4, and "Weighting in Deft²", The Survey Statistician, 1987).
pub(super) fn effective_sizes(clusters: impl Iterator<Item = usize>, correlation: f64) -> Vec<f64> {
    let (mut sizes, mut squares, mut answers) = (BTreeMap::<usize, f64>::new(), 0.0, 0.0);
    let effective = clusters.map(|cluster| {
        let size = sizes.entry(cluster).or_default();
        squares += 2.0 * *size + 1.0;
        *size += 1.0;
        answers += 1.0;
        answers / (1.0 + (squares / answers - 1.0) * correlation)
    });
    effective.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clusters of `(right, wrong)` answers.
    fn correlation(clusters: &[(usize, usize)]) -> f64 {
        let outcomes = clusters.iter().enumerate().flat_map(|(cluster, (right, wrong))| {
            std::iter::repeat_n((cluster, true), *right).chain(std::iter::repeat_n((cluster, false), *wrong))
        });
        intra_cluster_correlation(outcomes)
    }

    #[test]
    fn answers_that_are_right_or_wrong_together_are_wholly_alike() {
        assert_eq!(correlation(&[(4, 0), (0, 4), (4, 0)]), 1.0);
        assert_eq!(correlation(&[(2, 2), (2, 2), (2, 2)]), 0.0);
        assert_eq!(correlation(&[(1, 0), (0, 1), (1, 0)]), 0.0);
        assert_eq!(correlation(&[(3, 0), (3, 0)]), 0.0);
        // Between: 4 · .25² · 2 = .5; within: (3/4 + 3/4) / 6 = .25; (.5 - .25) / (.5 + 3 · .25).
        assert!((correlation(&[(3, 1), (1, 3)]) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn alike_answers_are_worth_fewer_and_independent_ones_their_number() {
        let clusters = || [0, 0, 0, 0, 1, 1, 1, 1].into_iter();
        assert_eq!(effective_sizes(clusters(), 0.0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(effective_sizes(clusters(), 1.0)[7], 2.0);
        assert!((effective_sizes(clusters(), 0.2)[7] - 8.0 / 1.6).abs() < 1e-12);
        assert_eq!(effective_sizes(0..5, 1.0), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
