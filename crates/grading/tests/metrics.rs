//! Agreement metrics against scikit-learn 1.x and hand-computed values.

#![expect(clippy::unwrap_used, reason = "a test may end where its sample is not as expected")]

use gradus_domain::Marks;
use gradus_grading::metrics::{
    Bootstrap, Estimate, MarkPair, PairedMarks, Prediction, Verdict, agreement, brier_score, compare,
    confidence_bins, confusion, expected_calibration_error,
};

const REFERENCE: [f64; 12] = [0., 0.5, 1., 1.5, 2., 2.5, 3., 1., 2., 0., 3., 1.5];
const GIVEN: [f64; 12] = [0.5, 0.5, 1., 1., 2., 3., 2.5, 1., 1., 0., 3., 2.5];

fn marks(value: f64) -> Marks {
    Marks::from_f64(value).unwrap()
}

fn pairs(reference: &[f64], given: &[f64], answers_per_student: usize) -> Vec<MarkPair> {
    let both = reference.iter().zip(given).enumerate();
    both.map(|(n, (reference, given))| MarkPair {
        reference: marks(*reference),
        given: marks(*given),
        step: Marks::HALF,
        cluster: n / answers_per_student,
    })
    .collect()
}

fn kappa(reference: &[f64], given: &[f64]) -> Option<f64> {
    let pairs = pairs(reference, given, 1);
    let found = agreement(&pairs, Bootstrap::default()).unwrap();
    found.quadratic_weighted_kappa.map(|kappa| kappa.value)
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
}

#[test]
fn every_measure_equals_scikit_learn() {
    let found = agreement(&pairs(&REFERENCE, &GIVEN, 3), Bootstrap::default()).unwrap();
    // cohen_kappa_score(2 * reference, 2 * given, labels=range(7), weights="quadratic")
    assert_close(found.quadratic_weighted_kappa.unwrap().value, 0.875);
    // mean_absolute_error, sqrt(mean_squared_error), mean(given - reference)
    assert_close(found.mean_absolute_error.value, 1.0 / 3.0);
    assert_close(found.root_mean_squared_error.value, 0.5);
    assert_close(found.bias.value, 0.0);
    // mean(given == reference), mean(|given - reference| <= 0.5)
    assert_close(found.exact_agreement.value, 0.5);
    assert_close(found.adjacent_agreement.value, 10.0 / 12.0);
    assert_eq!(found.count, 12);
}

#[test]
fn kappa_equals_scikit_learn_below_chance_and_for_one_constant_marker() {
    let (reference, given) = ([0., 1., 2., 3., 0., 1., 2., 3.], [3., 2., 1., 0., 3., 2., 2., 0.]);
    assert_close(kappa(&reference, &given).unwrap(), -0.95);
    assert_close(kappa(&[1.; 6], &[0., 1., 1., 2., 1., 1.]).unwrap(), 0.0);
}

#[test]
fn kappa_counts_marks_between_the_steps_by_their_distance() {
    let found = kappa(&[0., 1., 2., 3.], &[0.3, 1., 2.2, 2.9]).unwrap();
    let (a, b) = ([0., 1., 2., 3.], [0.3, 1., 2.2, 2.9]);
    let all_pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a - b) * (a - b)));
    let by_chance = all_pairs.sum::<f64>() / 16.0;
    let observed = (0.09 + 0.04 + 0.01) / 4.0;
    assert_close(found, 1.0 - observed / by_chance);
}

#[test]
fn kappa_is_undefined_only_where_both_markers_gave_the_same_one_mark() {
    assert_eq!(kappa(&[2.; 5], &[2.; 5]), None);
    assert_eq!(kappa(&[2.; 5], &[1.; 5]), Some(0.0));
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_does_not() {
    let pairs = pairs(&REFERENCE, &GIVEN, 2);
    let with_seed = |seed| {
        let options = Bootstrap { resamples: 500, seed };
        agreement(&pairs, options).unwrap()
    };
    assert_eq!(with_seed(3), with_seed(3));
    assert_ne!(with_seed(3), with_seed(4));
}

#[test]
fn intervals_equal_an_independent_computation() {
    // SplitMix64 and the resampling written anew in Python; cohen_kappa_score on every resample and
    // numpy.quantile(…, [0.025, 0.975]). A change here means that published intervals change.
    let found = agreement(&pairs(&REFERENCE, &GIVEN, 3), Bootstrap::default()).unwrap();
    for (estimate, low, high) in [
        (found.quadratic_weighted_kappa.unwrap(), 0.740_740_740_740_740_7, 0.915_343_915_343_915_3),
        (found.exact_agreement, 1.0 / 3.0, 2.0 / 3.0),
        (found.mean_absolute_error, 0.208_333_333_333_333_34, 0.458_333_333_333_333_3),
    ] {
        assert_close(estimate.low, low);
        assert_close(estimate.high, high);
    }
}

#[test]
fn the_order_of_the_answers_changes_nothing() {
    let mut pairs = pairs(&REFERENCE, &GIVEN, 3);
    let before = agreement(&pairs, Bootstrap::default());
    pairs.reverse();
    assert_eq!(agreement(&pairs, Bootstrap::default()), before);
}

#[test]
fn a_single_student_still_has_an_interval() {
    let found = agreement(&pairs(&REFERENCE, &GIVEN, 12), Bootstrap::default()).unwrap();
    assert!(found.exact_agreement.low < 0.5 && found.exact_agreement.high > 0.5);
}

#[test]
fn nothing_to_compare_is_not_an_agreement() {
    assert_eq!(agreement(&[], Bootstrap::default()), None);
    assert_eq!(compare(&[], Bootstrap::default()), None);
    assert!(confidence_bins(&[]).is_empty());
    assert_eq!(expected_calibration_error(&[]), None);
    assert_eq!(brier_score(&[]), None);
}

#[test]
fn without_resamples_the_interval_is_the_value() {
    let options = Bootstrap { resamples: 0, seed: 1 };
    let found = agreement(&pairs(&REFERENCE, &GIVEN, 3), options).unwrap();
    let expected = Estimate { value: 0.5, low: 0.5, high: 0.5 };
    assert_eq!(found.exact_agreement, expected);
}

/// 30 students, 4 answers each, marked 0 to 3; a model errs by one mark on every `nth` answer.
fn two_models(base_errs_on: usize, trained_errs_on: usize) -> Vec<PairedMarks> {
    let erring = |n: usize, every: usize, right: f64| match (n % every, right) {
        (0, 0.0) => 1.0,
        (0, right) => right - 1.0,
        (_, right) => right,
    };
    (0..120)
        .map(|n| {
            let right = (n * 7 % 4) as f64;
            PairedMarks {
                reference: marks(right),
                base: marks(erring(n, base_errs_on, right)),
                trained: marks(erring(n, trained_errs_on, right)),
                cluster: n / 4,
            }
        })
        .collect()
}

#[test]
fn a_model_that_errs_less_is_an_improvement_and_the_other_way_round_a_deterioration() {
    let found = compare(&two_models(2, 10), Bootstrap::default()).unwrap();
    assert_close(found.error_reduction.value, 60.0 / 120.0 - 12.0 / 120.0);
    assert!(found.kappa_difference.unwrap().low > 0.0);
    assert!(found.p_value < 0.001);
    assert_eq!(found.verdict, Verdict::Improvement);
    let found = compare(&two_models(10, 2), Bootstrap::default()).unwrap();
    assert_eq!(found.verdict, Verdict::Deterioration);
    assert!(found.p_value < 0.001);
}

#[test]
fn four_students_are_too_few_to_measure_an_improvement_however_clear() {
    let answer =
        |cluster| PairedMarks { reference: Marks::ONE, base: Marks::ZERO, trained: Marks::ONE, cluster };
    let found = compare(&[0, 1, 2, 3].map(answer), Bootstrap::default()).unwrap();
    assert!(found.error_reduction.low > 0.0);
    assert_close(found.p_value, 2.0 / 16.0);
    assert_eq!(found.verdict, Verdict::NoMeasurableImprovement);
}

#[test]
fn models_about_as_good_show_no_measurable_improvement() {
    let found = compare(&two_models(5, 6), Bootstrap::default()).unwrap();
    assert_eq!(found.verdict, Verdict::NoMeasurableImprovement);
    assert!(found.p_value > 0.05);
    let same = compare(&two_models(5, 5), Bootstrap::default()).unwrap();
    assert_eq!(same.verdict, Verdict::NoMeasurableImprovement);
    assert_eq!((same.error_reduction.value, same.p_value), (0.0, 1.0));
}

#[test]
fn the_confusion_matrix_equals_scikit_learn_and_shows_marks_that_nobody_gave() {
    let legal = marks(3.0).steps(Marks::HALF);
    let found = confusion(&pairs(&REFERENCE, &GIVEN, 3), &legal);
    // confusion_matrix(2 * reference, 2 * given)
    let expected = [
        [1, 1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0],
        [0, 0, 2, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 1, 0],
        [0, 0, 1, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 1, 1],
    ];
    assert_eq!(found.marks, legal);
    assert_eq!(found.counts, expected);
    let off_step = confusion(&pairs(&[1.0], &[1.2], 1), &[]);
    assert_eq!(off_step.marks, [marks(1.0), marks(1.2)]);
    assert_eq!(off_step.counts, [[0, 1], [0, 0]]);
}

const PREDICTIONS: [Prediction; 10] = [
    (0.95, true),
    (0.9, true),
    (0.85, false),
    (0.75, true),
    (0.7, true),
    (0.65, false),
    (0.55, false),
    (0.55, true),
    (0.3, false),
    (1.0, true),
];

#[test]
fn calibration_equals_scikit_learn() {
    // brier_score_loss, and sum over ten bins of share * |mean confidence - accuracy|
    assert_close(brier_score(&PREDICTIONS).unwrap(), 0.1905);
    assert_close(expected_calibration_error(&PREDICTIONS).unwrap(), 0.26);
    let bins = confidence_bins(&PREDICTIONS);
    let counts: Vec<usize> = bins.iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [1, 2, 1, 2, 1, 3]);
    let last = bins.last().unwrap();
    assert_eq!((last.low, last.high, last.accuracy), (0.9, 1.0, 1.0));
    assert_close(last.mean_confidence, 0.95);
}

#[test]
fn a_confidence_off_the_scale_cannot_spoil_the_rest() {
    let found = brier_score(&[(f64::NAN, false), (7.0, true)]).unwrap();
    assert_eq!(found, 0.0);
}
