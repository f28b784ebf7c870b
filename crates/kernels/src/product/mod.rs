//! Products of matrices: sums of terms, several products side by side, cut into tasks by shape alone.
//! Every element is summed in one fixed order, whatever task or thread computes it.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod few_rows;
mod interleave;
mod operand;
pub(crate) mod pack;
mod packed;
pub(crate) mod strip;

use std::ops::Range;

use rayon::prelude::*;

use crate::number::Number;
use crate::scratch::with_scratch;
pub(crate) use few_rows::multiplies_pairs;
use few_rows::{multiply_few_rows, reads_right_once};
use pack::{LANES, Line, pack_panel};
use strip::{Destination, DestinationKind, LeftCells, Strip};

pub use interleave::{Interleaved, InterleavedView};
pub use operand::{Left, Product, Right, Target, Term};
pub(crate) use pack::MOST_LINES;
pub(crate) use packed::{Accumulate, Packed};

/// Rows that one task covers at most.
const TASK_ROWS: usize = 512;
/// Smaller tasks than this would spend their time on packing.
const LEAST_ROWS: usize = 96;
/// Tasks that a product is cut into at least, if they need not become smaller than that.
const FEWEST_TASKS: usize = 8;
/// Columns that one task covers at most, a multiple of every panel's.
const TASK_COLUMNS: usize = 64;
/// Columns that a task with few rows covers at least, a multiple of a group of quantised weights.
const FEW_ROWS_COLUMNS: usize = 48;
/// Cells summed in one go; a longer sum is cut, so that a panel stays in cache.
const MOST_CELLS: usize = 1024;
/// Runs begin with whole blocks of quantised weights, and with whole groups of their rows.
const RUN_UNIT: usize = 32;

/// Computes products that do not depend on each other, in parallel.
///
/// # Panics
/// Where shapes do not fit.
pub fn multiply<N: Number>(products: &mut [Product<'_, N>]) {
    let prepared: Vec<Prepared<'_, N>> = products.iter_mut().map(Prepared::new).collect();
    let tasks: Vec<Task<'_, N>> = prepared.iter().flat_map(Prepared::tasks).collect();
    match tasks.as_slice() {
        [task] => task.run(),
        _ => tasks.par_iter().with_max_len(1).for_each(Task::run),
    }
}

/// A checked product.
struct Prepared<'a, N> {
    /// Parts of terms, in runs that are summed in one go.
    runs: Vec<Vec<Term<'a, N>>>,
    /// So few rows that each weight is read where it lies.
    few_rows: bool,
    rows: usize,
    cols: usize,
    destination: Destination,
}

// SAFETY: the destination is an exclusive borrow for as long as the product lives; the operands are
// shared borrows.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl<N: Sync> Sync for Prepared<'_, N> {}

impl<'a, N: Number> Prepared<'a, N> {
    fn new(product: &mut Product<'a, N>) -> Self {
        let (kind, rows, cols, row_stride) = match &mut product.target {
            Target::Overwrite(to) => {
                (DestinationKind::Overwrite(to.pointer()), to.rows, to.cols, to.row_stride)
            }
            Target::Add(to) => (DestinationKind::Add(to.pointer()), to.rows, to.cols, to.row_stride),
            Target::Round(to) => {
                let (rows, cols, stride) = (to.rows(), to.cols(), to.stride());
                (N::destination(to.data_mut().as_mut_ptr()), rows, cols, stride)
            }
        };
        assert!(!product.terms.is_empty(), "a product has a term");
        for term in &product.terms {
            assert_eq!((term.left.rows(), term.right.cols()), (rows, cols), "product shape");
            assert_eq!(term.left.steps(), term.right.steps(), "inner dimensions");
            assert!(term.left.holds_cells(), "left operand within its data");
        }
        // A rounded sum cannot be added to.
        let most_cells = if matches!(kind, DestinationKind::Round(_)) { usize::MAX } else { MOST_CELLS };
        let runs = runs(&product.terms, most_cells);
        // By the whole product: a row's bits must not depend on how tasks are cut.
        let few_rows = runs.iter().all(|run| reads_right_once(rows, run));
        Self { runs, few_rows, rows, cols, destination: Destination { kind, row_stride } }
    }

    fn tasks(&self) -> impl Iterator<Item = Task<'_, N>> {
        let width = if self.few_rows {
            FEW_ROWS_COLUMNS * (self.cols / (16 * FEW_ROWS_COLUMNS)).clamp(1, 4)
        } else {
            even_cut(self.cols, TASK_COLUMNS, panel_columns::<N>())
        };
        let across = self.cols.div_ceil(width);
        let most_rows = (self.rows * across / FEWEST_TASKS).clamp(LEAST_ROWS, TASK_ROWS);
        let height = even_cut(self.rows, most_rows, N::row_unit());
        // Tasks of the same rows one after the other, so that a thread finds these in its cache.
        (0..self.rows).step_by(height).flat_map(move |row| {
            (0..self.cols).step_by(width).map(move |col| Task {
                product: self,
                rows: row..(row + height).min(self.rows),
                cols: col..(col + width).min(self.cols),
            })
        })
    }
}

/// Cuts the terms into runs of at most `most_cells` cells, keeping short terms with their neighbour.
fn runs<'a, N: Number>(terms: &[Term<'a, N>], most_cells: usize) -> Vec<Vec<Term<'a, N>>> {
    let mut runs = vec![Vec::new()];
    let mut held = 0;
    for term in terms {
        let cells = term.left.steps().div_ceil(N::PER_CELL);
        let piece = even_cut(cells, most_cells, RUN_UNIT);
        for first in (0..cells).step_by(piece) {
            let count = piece.min(cells - first);
            if held + count > most_cells.saturating_add(most_cells / 8) {
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

/// Columns of a whole panel.
fn panel_columns<N: Number>() -> usize {
    N::panel_lines() * LANES
}

/// A block of one product.
struct Task<'a, N> {
    product: &'a Prepared<'a, N>,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl<N: Number> Task<'_, N> {
    fn run(&self) {
        let panel = panel_columns::<N>();
        if self.product.few_rows {
            return self.few_rows();
        }
        with_scratch(|buffer: &mut Vec<Line>| {
            for first in self.cols.clone().step_by(panel) {
                let columns = first..(first + panel).min(self.cols.end);
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

    /// All columns at once, each weight where it lies.
    fn few_rows(&self) {
        // SAFETY: inside the destination, whose shape the product has.
        #[expect(unsafe_code, reason = "moves to the block of this task")]
        let mut destination = unsafe { self.product.destination.at(self.rows.start, self.cols.start) };
        for run in &self.product.runs {
            multiply_few_rows(run, (&self.rows, &self.cols), destination);
            destination = destination.then_add();
        }
    }

    /// One run of terms over one panel of columns.
    fn strip(
        &self,
        run: &[Term<'_, N>],
        columns: &Range<usize>,
        destination: Destination,
        buffer: &mut Vec<Line>,
    ) {
        let left: Vec<LeftCells> = run.iter().map(|term| term.left.cells(self.rows.start)).collect();
        let across = columns.len().div_ceil(LANES);
        let lines = left.iter().map(|left| left.cells).sum::<usize>() * across;
        if buffer.len() < lines {
            buffer.resize(lines, Line::ZERO);
        }
        let mut rest = &mut buffer[..lines];
        for (term, left) in run.iter().zip(&left) {
            let (panel, after) = rest.split_at_mut(left.cells * across);
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
            N::multiply_strip(strip);
        }
    }
}

#[cfg(test)]
mod tests;
