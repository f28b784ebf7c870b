//! Products of both numbers against their definition, on every level that the processor has.

use proptest::prelude::*;

use super::*;
use crate::bf16::Bf16;
use crate::cpu::{Level, with_level};
use crate::matrix::Matrix;
use crate::matrix_mut::MatrixMut;

fn numbers<N: Number>(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        N::from_f32((state >> 8) as f32 / 8_388_608.0 - 1.0).to_f32()
    };
    (0..count).map(|_| next()).collect()
}

fn transposed(values: &[f32], cols: usize) -> Vec<f32> {
    (0..cols).flat_map(|col| values.iter().skip(col).step_by(cols).copied()).collect()
}

fn supported() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_supported())
}

/// Operands of one term, `m x k` and `k x n`, in every layout that products take.
struct Operands<N> {
    dense: (Vec<f32>, Vec<f32>),
    left_rows: Matrix<N>,
    left_columns: Interleaved<N>,
    right_rows: Matrix<N>,
    right_columns: Matrix<N>,
}

impl<N: Number> Operands<N> {
    fn new((m, n, k): (usize, usize, usize), seed: u32) -> Self {
        let (left, right) = (numbers::<N>(m * k, seed), numbers::<N>(k * n, seed ^ 77));
        let mut left_columns = Interleaved::default();
        left_columns.round_from(&transposed(&left, k), m, 1.0);
        Self {
            left_rows: Matrix::from_f32(&left, m, k),
            left_columns,
            right_rows: Matrix::from_f32(&transposed(&right, n), n, k),
            right_columns: Matrix::from_f32(&right, k, n),
            dense: (left, right),
        }
    }

    fn term(&self, left_by_rows: bool, right_by_rows: bool) -> Term<'_, N> {
        Term {
            left: if left_by_rows {
                Left::Rows(self.left_rows.view())
            } else {
                Left::Columns(self.left_columns.view())
            },
            right: if right_by_rows {
                Right::Rows(self.right_rows.view())
            } else {
                Right::Columns(self.right_columns.view())
            },
        }
    }

    /// The definition, in f64, added to `sums`.
    fn add_to(&self, sums: &mut [f64], (m, n, k): (usize, usize, usize)) {
        for (i, sum) in sums.iter_mut().enumerate().take(m * n) {
            let (row, col) = (i / n, i % n);
            *sum += (0..k)
                .map(|step| f64::from(self.dense.0[row * k + step]) * f64::from(self.dense.1[step * n + col]))
                .sum::<f64>();
        }
    }
}

/// A sum of two products on every level; `layouts` has a bit for each operand.
fn check_sum<N: Number>(
    [m, n, k, k2]: [usize; 4],
    layouts: u8,
    adds: bool,
    seed: u32,
    rounding: f64,
) -> Result<(), TestCaseError> {
    let before = if adds { 1.0 } else { 0.0 };
    let (first, second) = (Operands::<N>::new((m, n, k), seed), Operands::new((m, n, k2), seed ^ 9));
    let mut expected = vec![f64::from(before); m * n];
    first.add_to(&mut expected, (m, n, k));
    second.add_to(&mut expected, (m, n, k2));
    for level in supported() {
        let terms = vec![
            first.term(layouts & 1 == 0, layouts & 2 == 0),
            second.term(layouts & 4 == 0, layouts & 8 == 0),
        ];
        let mut sums = vec![1.0; m * n];
        let to = MatrixMut::new(&mut sums, m, n);
        let target = if adds { Target::Add(to) } else { Target::Overwrite(to) };
        let mut rounded = Matrix::<N>::zeroed(m, n);
        let round = Product { target: Target::Round(&mut rounded), terms: terms.clone() };
        with_level(level, || multiply(&mut [Product { target, terms }, round]));
        for (i, (got, expected)) in sums.iter().zip(&expected).enumerate() {
            prop_assert!((f64::from(*got) - expected).abs() < 5e-5, "{level:?} {i}: {got} {expected}");
            let rounded = f64::from(rounded.row(i / n)[i % n].to_f32() + before);
            let allowed = rounding * (1.0 + expected.abs());
            prop_assert!((rounded - expected).abs() < allowed, "{level:?} {i}: {rounded} {expected}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_sum_of_products_of_any_shape_and_layout_matches_its_definition_on_every_level(
        m in 1usize..40, n in 1usize..140, k in 1usize..90, k2 in 1usize..20,
        layouts in 0u8..16, adds: bool, seed: u32,
    ) {
        check_sum::<Bf16>([m, n, k, k2], layouts, adds, seed, 0.01)?;
        check_sum::<f32>([m, n, k, k2], layouts, adds, seed, 5e-5)?;
    }
}

fn check_long_sum<N: Number>() {
    let shape = (30, 70, 5003);
    let operands = Operands::<N>::new(shape, 3);
    let mut expected = vec![0.0; 30 * 70];
    operands.add_to(&mut expected, shape);
    for level in supported() {
        let mut sums = vec![f32::NAN; 30 * 70];
        let target = Target::Overwrite(MatrixMut::new(&mut sums, 30, 70));
        let terms = vec![operands.term(true, true)];
        with_level(level, || multiply(&mut [Product { target, terms }]));
        assert!(sums.iter().zip(&expected).all(|(x, e)| (f64::from(*x) - e).abs() < 2e-3), "{level:?}");
    }
}

#[test]
fn a_long_inner_dimension_is_summed_in_runs() {
    check_long_sum::<Bf16>();
    check_long_sum::<f32>();
}

fn check_threads<N: Number>() {
    let shape = (515, 600, 1200);
    let (first, second) = (Operands::<N>::new(shape, 1), Operands::<N>::new(shape, 2));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (mut sums, mut rounded) = (vec![0.5; 515 * 600], Matrix::<N>::zeroed(515, 600));
        let target = Target::Add(MatrixMut::new(&mut sums, 515, 600));
        let terms = vec![first.term(true, true), second.term(true, false)];
        let round = Product { target: Target::Round(&mut rounded), terms: terms.clone() };
        pool.install(|| multiply(&mut [Product { target, terms }, round]));
        (sums, rounded)
    };
    assert!(run(1) == run(2));
}

#[test]
fn large_products_have_the_same_bits_on_one_and_on_two_threads() {
    check_threads::<Bf16>();
    check_threads::<f32>();
}
