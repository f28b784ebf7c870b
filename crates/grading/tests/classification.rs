//! Figures of verdicts as classes, against numbers worked out by hand.

use gradus_domain::Marks;
use gradus_grading::guide::Verdict;
use gradus_grading::metrics::{
    Bootstrap, ExpectedMark, VerdictPair, classification, expected_marks, root_mean_squared_share_error,
};

fn pairs(counts: &[(usize, usize, usize)]) -> Vec<VerdictPair> {
    let each = counts.iter().flat_map(|(reference, given, times)| vec![(*reference, *given); *times]);
    let numbered = each.enumerate();
    numbered.map(|(cluster, (reference, given))| VerdictPair { reference, given, cluster }).collect()
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
}

#[test]
fn accuracy_and_f1_equal_those_worked_out_by_hand() {
    // Rows are the reference: 4 1 0 / 2 1 1 / 0 0 3, and a fourth verdict that no one gives.
    let pairs = pairs(&[(0, 0, 4), (0, 1, 1), (1, 0, 2), (1, 1, 1), (1, 2, 1), (2, 2, 3)]);
    let found = classification(&pairs, 4, Bootstrap::default()).unwrap();
    assert_eq!(found.count, 12);
    assert_close(found.accuracy.value, 8.0 / 12.0);
    // F1: 2*4/(6+5), 2*1/(2+4), 2*3/(4+3).
    let f1 = [8.0 / 11.0, 1.0 / 3.0, 6.0 / 7.0];
    assert_close(found.weighted_f1.value, (5.0 * f1[0] + 4.0 * f1[1] + 3.0 * f1[2]) / 12.0);
    assert_close(found.macro_f1.value, (f1[0] + f1[1] + f1[2]) / 3.0);
}

#[test]
fn a_verdict_given_in_vain_lowers_the_macro_mean_but_has_no_weight() {
    let found = classification(&pairs(&[(0, 0, 3), (0, 1, 1)]), 2, Bootstrap::default()).unwrap();
    let f1 = 6.0 / 7.0;
    assert_close(found.weighted_f1.value, f1);
    assert_close(found.macro_f1.value, f1 / 2.0);
}

#[test]
fn intervals_hold_their_value_and_no_pairs_have_no_figures() {
    let found =
        classification(&pairs(&[(0, 0, 30), (1, 0, 20), (1, 1, 50)]), 2, Bootstrap::default()).unwrap();
    for estimate in [found.accuracy, found.weighted_f1, found.macro_f1] {
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
    }
    // Of a share of 0.8 in 100 answers, 1.96 standard errors are 0.078.
    assert!((found.accuracy.low - 0.72).abs() < 0.02 && (found.accuracy.high - 0.88).abs() < 0.02);
    assert_eq!(classification(&[], 2, Bootstrap::default()), None);
    assert_eq!(classification(&pairs(&[(2, 0, 1), (0, 2, 1)]), 2, Bootstrap::default()), None);
}

#[test]
fn errors_of_expected_marks_are_in_parts_of_each_maximum() {
    let marks = |thousandths| Marks::from_thousandths(thousandths);
    let scale = [0, 1000, 2000].map(marks).map(Verdict::of_marks);
    assert_close(expected_marks(&scale, &[0.25, 0.25, 0.5]), 1.25);
    let answer = |reference, expected, maximum, cluster| ExpectedMark {
        reference: marks(reference),
        expected,
        maximum: marks(maximum),
        cluster,
    };
    let answers = [answer(1000, 1.25, 2000, 0), answer(4000, 2.0, 4000, 1), answer(500, 0.5, 0, 2)];
    let found = root_mean_squared_share_error(&answers, Bootstrap::default()).unwrap();
    assert_close(found.value, ((0.125_f64.powi(2) + 0.25) / 2.0).sqrt());
    assert_close(found.low, 0.125);
    assert_close(found.high, 0.5);
    assert_eq!(root_mean_squared_share_error(&[], Bootstrap::default()), None);
}
