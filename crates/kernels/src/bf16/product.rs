//! Products of bf16 matrices: sums of terms, several products side by side, cut into tasks by shape
//! alone. Every element is summed in one fixed order, whatever task or thread computes it.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::gemv::{multiply_few_rows, reads_right_once};
use super::pack::{LANES, Line, PANEL, pack_panel};
use super::tile::{Destination, DestinationKind, LeftPairs, Strip, multiply_strip};
use super::{Bf16Matrix, Bf16View, InterleavedView};
use crate::matrix::MatrixMut;

/// The left operand, `m x k`.
#[derive(Debug, Clone, Copy)]
pub enum Left<'a> {
    /// `[m, k]`.
    Rows(Bf16View<'a>),
    /// `[k, m]`, with pairs of rows woven together.
    Columns(InterleavedView<'a>),
}

/// The right operand, `k x n`.
#[derive(Debug, Clone, Copy)]
pub enum Right<'a> {
    /// `[n, k]`, as a weight `[out, in]` in `x Wᵀ`.
    Rows(Bf16View<'a>),
    /// `[k, n]`, as a weight `[out, in]` in `dy W`.
    Columns(Bf16View<'a>),
}

/// One product `left x right` of a sum.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// `m x k`.
    pub left: Left<'a>,
    /// `k x n`.
    pub right: Right<'a>,
}

/// What becomes of the sum.
#[derive(Debug)]
pub enum Target<'a> {
    /// It replaces what is there.
    Overwrite(MatrixMut<'a>),
    /// It is added to what is there.
    Add(MatrixMut<'a>),
    /// It is rounded to bf16.
    Round(&'a mut Bf16Matrix),
}

/// `target (+)= Σ terms`, every term `m x n` with its own inner dimension.
#[derive(Debug)]
pub struct Product<'a> {
    /// Where the sum goes.
    pub target: Target<'a>,
    /// At least one.
    pub terms: Vec<Term<'a>>,
}

/// Rows that one task covers at most.
const TASK_ROWS: usize = 512;
/// Smaller tasks than this would spend their time on packing.
const LEAST_ROWS: usize = 96;
/// Tasks that a product is cut into at least, if they need not become smaller than that.
const FEWEST_TASKS: usize = 8;
/// Panels that one task covers at most.
const TASK_PANELS: usize = 3;
/// Pairs of steps summed in one go; a longer sum is cut, so that a panel stays in cache.
const MOST_PAIRS: usize = 1024;

/// Computes products that do not depend on each other, in parallel.
///
/// # Panics
/// Where shapes do not fit.
pub fn multiply_bf16(products: &mut [Product<'_>]) {
    let prepared: Vec<Prepared> = products.iter_mut().map(Prepared::new).collect();
    let tasks: Vec<Task<'_>> = prepared.iter().flat_map(Prepared::tasks).collect();
    match tasks.as_slice() {
        [task] => task.run(),
        _ => tasks.par_iter().with_max_len(1).for_each(Task::run),
    }
}

/// A checked product.
struct Prepared<'a> {
    /// Parts of terms, in runs that are summed in one go.
    runs: Vec<Vec<Term<'a>>>,
    rows: usize,
    cols: usize,
    destination: Destination,
}

// SAFETY: the destination is an exclusive borrow for as long as the product lives; the operands are
// shared borrows.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl Sync for Prepared<'_> {}

impl<'a> Prepared<'a> {
    fn new(product: &mut Product<'a>) -> Self {
        let (kind, rows, cols, row_stride) = match &mut product.target {
            Target::Overwrite(to) => {
                (DestinationKind::Overwrite(to.pointer()), to.rows, to.cols, to.row_stride)
            }
            Target::Add(to) => (DestinationKind::Add(to.pointer()), to.rows, to.cols, to.row_stride),
            Target::Round(to) => {
                let (rows, cols, stride) = (to.rows(), to.cols(), to.stride());
                (DestinationKind::Round(to.data_mut().as_mut_ptr().cast()), rows, cols, stride)
            }
        };
        assert!(!product.terms.is_empty(), "a product has a term");
        for term in &product.terms {
            assert_eq!((term.left.rows(), term.right.cols()), (rows, cols), "product shape");
            assert_eq!(term.left.steps(), term.right.steps(), "inner dimensions");
            assert!(term.left.holds_pairs(), "left operand within its data");
        }
        let most_pairs = if matches!(kind, DestinationKind::Round(_)) { usize::MAX } else { MOST_PAIRS };
        let runs = runs(&product.terms, most_pairs);
        Self { runs, rows, cols, destination: Destination { kind, row_stride } }
    }

    fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let width = even_cut(self.cols, TASK_PANELS * PANEL, PANEL);
        let across = self.cols.div_ceil(width);
        let most_rows = (self.rows * across / FEWEST_TASKS).clamp(LEAST_ROWS, TASK_ROWS);
        let height = even_cut(self.rows, most_rows, 12);
        (0..self.cols).step_by(width).flat_map(move |col| {
            (0..self.rows).step_by(height).map(move |row| Task {
                product: self,
                rows: row..(row + height).min(self.rows),
                cols: col..(col + width).min(self.cols),
            })
        })
    }
}

/// Cuts the terms into runs of at most `most_pairs` pairs, keeping short terms with their neighbour.
fn runs<'a>(terms: &[Term<'a>], most_pairs: usize) -> Vec<Vec<Term<'a>>> {
    let mut runs = vec![Vec::new()];
    let mut held = 0;
    for term in terms {
        let pairs = term.left.steps().div_ceil(2);
        let piece = even_cut(pairs, most_pairs, 1);
        for first in (0..pairs).step_by(piece) {
            let count = piece.min(pairs - first);
            if held + count > most_pairs.saturating_add(most_pairs / 8) {
                runs.push(Vec::new());
                held = 0;
            }
            held += count;
            let part = Term { left: term.left.part(first, count), right: term.right.part(first, count) };
            runs.last_mut().into_iter().for_each(|run| run.push(part));
        }
    }
    runs
}

/// The size of pieces at most `most` long that cut `whole` evenly, a multiple of `unit` where it can be.
fn even_cut(whole: usize, most: usize, unit: usize) -> usize {
    let pieces = whole.div_ceil(most).max(1);
    whole.div_ceil(pieces).next_multiple_of(unit).min(most).max(1)
}

/// A block of one product.
struct Task<'a> {
    product: &'a Prepared<'a>,
    rows: Range<usize>,
    cols: Range<usize>,
}

thread_local! {
    static PANEL_BUFFER: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

impl Task<'_> {
    fn run(&self) {
        PANEL_BUFFER.with_borrow_mut(|buffer| {
            for first in self.cols.clone().step_by(PANEL) {
                let columns = first..(first + PANEL).min(self.cols.end);
                // SAFETY: inside the destination, whose shape the product has.
                #[expect(unsafe_code, reason = "moves to the block of this task")]
                let mut destination = unsafe { self.product.destination.at(self.rows.start, first) };
                for run in &self.product.runs {
                    self.strip(run, &columns, destination, buffer);
                    destination = destination.then_add();
                }
            }
        });
    }

    /// One run of terms over one panel of columns.
    fn strip(
        &self,
        run: &[Term<'_>],
        columns: &Range<usize>,
        destination: Destination,
        buffer: &mut Vec<Line>,
    ) {
        let left: Vec<LeftPairs> = run.iter().map(|term| term.left.pairs(self.rows.start)).collect();
        if reads_right_once(self.rows.len(), run) {
            return multiply_few_rows(run, (&self.rows, columns), destination);
        }
        let across = columns.len().div_ceil(LANES);
        let lines = left.iter().map(|left| left.pairs).sum::<usize>() * across;
        if buffer.len() < lines {
            buffer.resize(lines, Line::ZERO);
        }
        let mut rest = &mut buffer[..lines];
        for (term, left) in run.iter().zip(&left) {
            let (panel, after) = rest.split_at_mut(left.pairs * across);
            pack_panel(term.right, columns.start, columns.len(), panel);
            rest = after;
        }
        let panel = &buffer[..lines];
        let (rows, width) = (self.rows.len(), columns.len());
        let strip = Strip { left: &left, rows, panel, across, width, destination };
        // SAFETY: the operands were held against the destination's shape and their own data, the panel
        // was packed for these terms, and no other task has this block.
        #[expect(unsafe_code, reason = "tasks write disjoint blocks")]
        unsafe {
            multiply_strip(strip);
        }
    }
}

impl Left<'_> {
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Rows(view) => view.rows,
            Self::Columns(woven) => woven.cols,
        }
    }

    pub(super) fn steps(self) -> usize {
        match self {
            Self::Rows(view) => view.cols,
            Self::Columns(woven) => woven.rows,
        }
    }

    pub(super) fn holds_pairs(self) -> bool {
        match self {
            Self::Rows(view) => view.holds_pairs(),
            Self::Columns(woven) => woven.pairs.len() == woven.rows.div_ceil(2) * woven.cols,
        }
    }

    /// Some of the pairs of steps.
    fn part(self, first: usize, pairs: usize) -> Self {
        match self {
            Self::Rows(view) => Self::Rows(view.cols(2 * first..view.cols.min(2 * (first + pairs)))),
            Self::Columns(woven) => Self::Columns(woven.part(first, pairs)),
        }
    }

    pub(super) fn pairs(self, first_row: usize) -> LeftPairs {
        match self {
            Self::Rows(view) => LeftPairs {
                start: view.data[first_row * view.stride..].as_ptr().cast(),
                row_stride: view.stride / 2,
                pair_stride: 1,
                pairs: view.cols.div_ceil(2),
            },
            Self::Columns(woven) => LeftPairs {
                start: woven.pairs[first_row..].as_ptr(),
                row_stride: 1,
                pair_stride: woven.cols,
                pairs: woven.rows.div_ceil(2),
            },
        }
    }
}

impl Right<'_> {
    pub(super) fn cols(self) -> usize {
        match self {
            Self::Rows(view) => view.rows,
            Self::Columns(view) => view.cols,
        }
    }

    pub(super) fn steps(self) -> usize {
        match self {
            Self::Rows(view) => view.cols,
            Self::Columns(view) => view.rows,
        }
    }

    fn part(self, first: usize, pairs: usize) -> Self {
        let steps = 2 * first..self.steps().min(2 * (first + pairs));
        match self {
            Self::Rows(view) => Self::Rows(view.cols(steps)),
            Self::Columns(view) => Self::Columns(view.rows(steps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bf16::{Bf16, Interleaved};
    use crate::cpu::{Level, with_level};

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Bf16::from_f32((state >> 8) as f32 / 8_388_608.0 - 1.0).to_f32()
        };
        (0..count).map(|_| next()).collect()
    }

    fn transposed(values: &[f32], cols: usize) -> Vec<f32> {
        (0..cols).flat_map(|col| values.iter().skip(col).step_by(cols).copied()).collect()
    }

    /// Operands of one term, `m x k` and `k x n`, in every layout that products take.
    struct Operands {
        dense: (Vec<f32>, Vec<f32>),
        left_rows: Bf16Matrix,
        left_columns: Interleaved,
        right_rows: Bf16Matrix,
        right_columns: Bf16Matrix,
    }

    impl Operands {
        fn new((m, n, k): (usize, usize, usize), seed: u32) -> Self {
            let (left, right) = (numbers(m * k, seed), numbers(k * n, seed ^ 77));
            let mut left_columns = Interleaved::default();
            left_columns.round_from(&transposed(&left, k), m, 1.0);
            Self {
                left_rows: Bf16Matrix::from_f32(&left, m, k),
                left_columns,
                right_rows: Bf16Matrix::from_f32(&transposed(&right, n), n, k),
                right_columns: Bf16Matrix::from_f32(&right, k, n),
                dense: (left, right),
            }
        }

        fn term(&self, left_by_rows: bool, right_by_rows: bool) -> Term<'_> {
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
                    .map(|step| {
                        f64::from(self.dense.0[row * k + step]) * f64::from(self.dense.1[step * n + col])
                    })
                    .sum::<f64>();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn a_sum_of_products_of_any_shape_and_layout_matches_its_definition_on_every_level(
            m in 1usize..40, n in 1usize..140, k in 1usize..90, k2 in 1usize..20,
            layouts in 0u8..16, adds: bool, seed: u32,
        ) {
            let (first, second) = (Operands::new((m, n, k), seed), Operands::new((m, n, k2), seed ^ 9));
            let mut expected = vec![if adds { 1.0 } else { 0.0 }; m * n];
            first.add_to(&mut expected, (m, n, k));
            second.add_to(&mut expected, (m, n, k2));
            for level in Level::ALL.into_iter().filter(|level| level.is_supported()) {
                let terms = vec![
                    first.term(layouts & 1 == 0, layouts & 2 == 0),
                    second.term(layouts & 4 == 0, layouts & 8 == 0),
                ];
                let mut sums = vec![1.0; m * n];
                let to = MatrixMut::new(&mut sums, m, n);
                let target = if adds { Target::Add(to) } else { Target::Overwrite(to) };
                let mut rounded = Bf16Matrix::zeroed(m, n);
                let round = Product { target: Target::Round(&mut rounded), terms: terms.clone() };
                with_level(level, || multiply_bf16(&mut [Product { target, terms }, round]));
                for (i, (got, expected)) in sums.iter().zip(&expected).enumerate() {
                    prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "{level:?} {i}: {got} {expected}");
                    let rounded = f64::from(rounded.row(i / n)[i % n].to_f32()) + if adds { 1.0 } else { 0.0 };
                    prop_assert!((rounded - expected).abs() < 0.01 * (1.0 + expected.abs()), "{level:?} {i}");
                }
            }
        }
    }

    #[test]
    fn a_long_inner_dimension_is_summed_in_runs() {
        let shape = (30, 70, 5003);
        let operands = Operands::new(shape, 3);
        let mut expected = vec![0.0; 30 * 70];
        operands.add_to(&mut expected, shape);
        let mut sums = vec![f32::NAN; 30 * 70];
        let target = Target::Overwrite(MatrixMut::new(&mut sums, 30, 70));
        multiply_bf16(&mut [Product { target, terms: vec![operands.term(true, true)] }]);
        assert!(sums.iter().zip(expected).all(|(x, e)| (f64::from(*x) - e).abs() < 2e-3));
    }

    #[test]
    fn large_products_have_the_same_bits_on_one_and_on_two_threads() {
        let shape = (515, 600, 1200);
        let (first, second) = (Operands::new(shape, 1), Operands::new(shape, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut sums, mut rounded) = (vec![0.5; 515 * 600], Bf16Matrix::zeroed(515, 600));
            let target = Target::Add(MatrixMut::new(&mut sums, 515, 600));
            let terms = vec![first.term(true, true), second.term(true, false)];
            let round = Product { target: Target::Round(&mut rounded), terms: terms.clone() };
            pool.install(|| multiply_bf16(&mut [Product { target, terms }, round]));
            (sums, rounded)
        };
        assert!(run(1) == run(2));
    }
}
