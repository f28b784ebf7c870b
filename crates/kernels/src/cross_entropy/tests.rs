//! Cross-entropy in f32 against its definition, and in bf16 against f32.

use super::*;
use crate::bf16::Bf16;
use crate::number::widen;
use crate::weight::WeightView;

const WIDTH: usize = 6;
const VOCABULARY: usize = 700;
const ROWS: usize = 300;

/// Numbers that bf16 holds exactly, in both.
fn matrices(rows: usize, factor: usize, size: f32) -> (Matrix<f32>, Matrix<Bf16>) {
    let value = |i: usize| ((i * factor % 101) as f32 - 50.0) / 50.0 * size;
    let values: Vec<f32> = (0..rows * WIDTH).map(value).collect();
    let rounded = Matrix::from_f32(&values, rows, WIDTH);
    let mut exact = vec![0.0; rows * WIDTH];
    widen(rounded.data(), &mut exact);
    (Matrix::from_f32(&exact, rows, WIDTH), rounded)
}

/// Two targets on most rows, twice the same on some, none on every fifth.
fn targets() -> Vec<TargetToken> {
    let rows = (0..ROWS).filter(|row| row % 5 != 0);
    let target = |row, token: usize, weight| TargetToken { row, token: token as u32, weight };
    rows.flat_map(|row| [target(row, row * 37 % VOCABULARY, 1.0), target(row, row * 74 % VOCABULARY, 0.25)])
        .collect()
}

fn backward<N: Number>(projection: &Matrix<N>, hidden: &Matrix<N>) -> (Vec<f32>, Vec<f32>) {
    let cross_entropy = CrossEntropy { projection: WeightView::Dense(projection.view()) };
    let mut gradient = vec![9.0; ROWS * WIDTH];
    let log_probabilities = cross_entropy.backward(
        (hidden, &targets()[..]),
        0.5,
        (&mut gradient, None),
        &mut SoftmaxChunk::default(),
    );
    assert_eq!(log_probabilities, cross_entropy.log_probabilities(hidden, &targets()));
    (log_probabilities, gradient)
}

/// The loss of one row's targets by its definition, in f64.
fn reference_loss(projection: &Matrix<f32>, hidden: &[f32], targets: &[TargetToken]) -> f64 {
    let logit = |token: usize| -> f64 {
        projection.row(token).iter().zip(hidden).map(|(w, h)| f64::from(*w) * f64::from(*h)).sum()
    };
    let total: f64 = (0..VOCABULARY).map(|token| logit(token).exp()).sum();
    let term = |target: &TargetToken| -f64::from(target.weight) * (logit(target.token as usize) - total.ln());
    targets.iter().map(term).sum()
}

#[test]
fn loss_and_gradient_match_the_definition() {
    let (projection, hidden) = (matrices(VOCABULARY, 37, 1.2).0, matrices(ROWS, 53, 1.2).0);
    let (log_probabilities, gradient) = backward(&projection, &hidden);
    let targets = targets();
    let loss_of = |row: usize, hidden: &[f32]| {
        let here: Vec<TargetToken> = targets.iter().copied().filter(|target| target.row == row).collect();
        reference_loss(&projection, hidden, &here)
    };
    let expected: f64 = (0..ROWS).map(|row| loss_of(row, hidden.row(row))).sum();
    let loss: f64 = targets.iter().zip(&log_probabilities).map(|(t, p)| -f64::from(t.weight * p)).sum();
    assert!((loss - expected).abs() < 1e-3, "{loss} {expected}");
    for i in (0..ROWS * WIDTH).step_by(61) {
        let (row, column) = (i / WIDTH, i % WIDTH);
        let at = |delta: f32| {
            let mut moved = hidden.row(row).to_vec();
            moved[column] += delta;
            0.5 * loss_of(row, &moved)
        };
        let expected = (at(1e-2) - at(-1e-2)) / 2e-2;
        assert!((f64::from(gradient[i]) - expected).abs() < 1e-3, "element {i}: {} {expected}", gradient[i]);
    }
}

#[test]
fn the_gradient_of_the_projection_matches_the_definition_and_is_added() {
    let (projection, hidden) = (matrices(VOCABULARY, 37, 1.2), matrices(ROWS, 53, 1.2));
    let targets = targets();
    let gradient = |target: &mut Vec<f32>| {
        let cross_entropy = CrossEntropy { projection: WeightView::Dense(projection.0.view()) };
        let mut d_hidden = vec![0.0; ROWS * WIDTH];
        cross_entropy.backward(
            (&hidden.0, &targets),
            0.5,
            (&mut d_hidden, Some(target)),
            &mut SoftmaxChunk::default(),
        );
    };
    let mut d_projection = vec![0.0; VOCABULARY * WIDTH];
    gradient(&mut d_projection);
    let loss_with = |element: usize, delta: f32| -> f64 {
        let mut moved = projection.0.clone();
        moved.data_mut()[element] += delta;
        let of_row = |row: usize| {
            let here: Vec<TargetToken> = targets.iter().copied().filter(|target| target.row == row).collect();
            reference_loss(&moved, hidden.0.row(row), &here)
        };
        0.5 * (0..ROWS).map(of_row).sum::<f64>()
    };
    for element in (0..VOCABULARY * WIDTH).step_by(311) {
        let expected = (loss_with(element, 1e-2) - loss_with(element, -1e-2)) / 2e-2;
        let got = f64::from(d_projection[element]);
        assert!((got - expected).abs() < 1e-3, "element {element}: {got} {expected}");
    }
    let mut twice = d_projection.clone();
    gradient(&mut twice);
    assert!(twice.iter().zip(&d_projection).all(|(two, one)| (two - 2.0 * one).abs() < 1e-4));

    let mut rounded = vec![0.0; VOCABULARY * WIDTH];
    let cross_entropy = CrossEntropy { projection: WeightView::Dense(projection.1.view()) };
    let mut d_hidden = vec![0.0; ROWS * WIDTH];
    cross_entropy.backward(
        (&hidden.1, &targets),
        0.5,
        (&mut d_hidden, Some(&mut rounded)),
        &mut SoftmaxChunk::default(),
    );
    assert!(rounded.iter().zip(&d_projection).all(|(got, expected)| (got - expected).abs() < 0.02));
}

#[test]
fn probabilities_and_gradients_in_bf16_are_those_of_f32_up_to_rounding() {
    let (projection, hidden) = (matrices(VOCABULARY, 37, 3.0), matrices(ROWS, 53, 4.0));
    let (expected, expected_gradient) = backward(&projection.0, &hidden.0);
    let (got, gradient) = backward(&projection.1, &hidden.1);
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-4, "{got} {expected}");
    }
    for (got, expected) in gradient.iter().zip(&expected_gradient) {
        assert!((got - expected).abs() < 0.02, "{got} {expected}");
    }
}

#[test]
fn the_bits_are_the_same_on_one_and_on_two_threads() {
    let (projection, hidden) = (matrices(VOCABULARY, 37, 1.0), matrices(ROWS, 53, 1.0));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (backward(&projection.0, &hidden.0), backward(&projection.1, &hidden.1)))
    };
    assert!(run(1) == run(2));
}
