//! Products of both numbers against their definition, on every level that the processor has.

use proptest::prelude::*;

use super::*;
use crate::bf16::Bf16;
use crate::cpu::{Level, with_level};
use crate::matrix::Matrix;
use crate::matrix_mut::MatrixMut;
use crate::quantised::{BLOCK, Format, QuantisedMatrix};

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

/// A right operand, `k x n`, as it stands in a term.
#[derive(Clone, Copy)]
enum Layout {
    Rows,
    Columns,
    QuantisedRows,
    QuantisedColumns,
}

/// Blocks of random numbers whose scale and minimum are such that all they stand for fits bf16.
fn quantised(format: Format, rows: usize, cols: usize, seed: u32) -> QuantisedMatrix {
    // 1/128 or 1/8 in f16, above a minimum of -1.
    let header: &[u8] = match format {
        Format::Q8_0 => &[0x00, 0x20],
        Format::Q4_0 => &[0x00, 0x30],
        Format::Q4_1 => &[0x00, 0x30, 0x00, 0xBC],
    };
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let numbers = format.block_bytes() - header.len();
    let mut bytes = Vec::new();
    for _ in 0..rows * cols / BLOCK {
        bytes.extend_from_slice(header);
        bytes.extend((0..numbers).map(|_| next()));
    }
    QuantisedMatrix::from_blocks(format, &bytes, rows, cols).unwrap()
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
    /// By rows or by columns, where the right operand was made of blocks.
    quantised: Option<QuantisedMatrix>,
}

impl<N: Number> Operands<N> {
    fn new((m, n, k): (usize, usize, usize), seed: u32) -> Self {
        Self::of((m, n, k), seed, numbers::<N>(k * n, seed ^ 77))
    }

    /// With a right operand that is also there in blocks of that format, along its rows or its columns.
    fn in_blocks((m, n, k): (usize, usize, usize), seed: u32, (format, by_rows): (Format, bool)) -> Self {
        let (rows, cols) = if by_rows { (n, k) } else { (k, n) };
        let matrix = quantised(format, rows, cols, seed);
        let dense = matrix.dequantise();
        let right = if by_rows { transposed(&dense, k) } else { dense };
        Self { quantised: Some(matrix), ..Self::of((m, n, k), seed, right) }
    }

    fn of((m, n, k): (usize, usize, usize), seed: u32, right: Vec<f32>) -> Self {
        let left = numbers::<N>(m * k, seed);
        let mut left_columns = Interleaved::default();
        left_columns.round_from(&transposed(&left, k), m);
        Self {
            left_rows: Matrix::from_f32(&left, m, k),
            left_columns,
            right_rows: Matrix::from_f32(&transposed(&right, n), n, k),
            right_columns: Matrix::from_f32(&right, k, n),
            quantised: None,
            dense: (left, right),
        }
    }

    fn term(&self, left_by_rows: bool, right_by_rows: bool) -> Term<'_, N> {
        self.term_of(left_by_rows, if right_by_rows { Layout::Rows } else { Layout::Columns })
    }

    fn term_of(&self, left_by_rows: bool, right: Layout) -> Term<'_, N> {
        let blocks = || self.quantised.as_ref().map(QuantisedMatrix::view).unwrap();
        Term {
            left: if left_by_rows {
                Left::Rows(self.left_rows.view())
            } else {
                Left::Columns(self.left_columns.view())
            },
            right: match right {
                Layout::Rows => Right::Rows(self.right_rows.view()),
                Layout::Columns => Right::Columns(self.right_columns.view()),
                Layout::QuantisedRows => Right::QuantisedRows(blocks()),
                Layout::QuantisedColumns => Right::QuantisedColumns(blocks()),
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

/// A product whose sum is cut into runs, on every level.
fn check_long_sum<N: Number>(operands: &Operands<N>, shape: (usize, usize, usize), right: Layout) {
    let (m, n, _) = shape;
    let mut expected = vec![0.0; m * n];
    operands.add_to(&mut expected, shape);
    for level in supported() {
        for left_by_rows in [true, false] {
            let mut sums = vec![f32::NAN; m * n];
            let target = Target::Overwrite(MatrixMut::new(&mut sums, m, n));
            let terms = vec![operands.term_of(left_by_rows, right)];
            with_level(level, || multiply(&mut [Product { target, terms }]));
            assert!(sums.iter().zip(&expected).all(|(x, e)| (f64::from(*x) - e).abs() < 2e-3), "{level:?}");
        }
    }
}

fn check_long_sums<N: Number>() {
    let shape = (30, 70, 5003);
    let operands = Operands::<N>::new(shape, 3);
    check_long_sum(&operands, shape, Layout::Rows);
    check_long_sum(&operands, shape, Layout::Columns);
    for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
        // Of so few rows each block is read where it lies; for more it is packed.
        for rows in [3, 30] {
            let shape = (rows, 70, 5024);
            let operands = Operands::<N>::in_blocks(shape, 3, (format, true));
            check_long_sum(&operands, shape, Layout::QuantisedRows);
        }
        let shape = (30, 96, 5003);
        let operands = Operands::<N>::in_blocks(shape, 3, (format, false));
        check_long_sum(&operands, shape, Layout::QuantisedColumns);
    }
}

#[test]
fn a_long_inner_dimension_is_summed_in_runs_in_every_layout() {
    check_long_sums::<Bf16>();
    check_long_sums::<f32>();
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
