//! Rows of a cell woven together: `[k, m]` in bf16 becomes `[k / 2, m]` pairs. It is how a left operand
//! is read whose rows are summed over, as in gradients of weights.

use std::marker::PhantomData;

use crate::matrix::View;
use crate::number::Number;

/// A matrix `[k, m]` as cells of consecutive rows.
#[derive(Debug, Clone, Default)]
pub struct Interleaved<N> {
    /// In bf16, row `2p` of column `m` in the low half of `cells[p * cols + m]`, row `2p + 1` in the high.
    cells: Vec<u32>,
    rows: usize,
    cols: usize,
    numbers: PhantomData<N>,
}

/// A view of all columns and some of the cells.
#[derive(Debug, Clone, Copy)]
pub struct InterleavedView<'a, N> {
    pub(super) cells: &'a [u32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    numbers: PhantomData<N>,
}

impl<N: Number> InterleavedView<'_, N> {
    pub(super) fn part(self, first: usize, cells: usize) -> Self {
        let rows = N::PER_CELL * first..self.rows.min(N::PER_CELL * (first + cells));
        let cells = &self.cells[first * self.cols..][..cells * self.cols];
        Self { cells, rows: rows.len(), ..self }
    }
}

impl<N: Number> Interleaved<N> {
    /// The nearest numbers to `values`, row-major `[rows, cols]`. Uses the memory it has.
    pub fn round_from(&mut self, values: &[f32], cols: usize) {
        let rows = values.len() / cols;
        self.resize(rows, cols);
        for (cells, values) in self.cells.chunks_mut(cols).zip(values.chunks(N::PER_CELL * cols)) {
            N::weave_rounded(values, cells);
        }
    }

    /// As [`Self::round_from`] for numbers that are rounded already.
    pub fn copy_from(&mut self, view: View<'_, N>) {
        self.resize(view.rows, view.cols);
        for (cell, cells) in self.cells.chunks_mut(view.cols.max(1)).enumerate() {
            N::weave(view.rows(cell * N::PER_CELL..view.rows.min((cell + 1) * N::PER_CELL)), cells);
        }
    }

    /// All of it.
    pub fn view(&self) -> InterleavedView<'_, N> {
        InterleavedView { cells: &self.cells, rows: self.rows, cols: self.cols, numbers: PhantomData }
    }

    fn resize(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        self.cells.resize(rows.div_ceil(N::PER_CELL) * cols, 0);
    }
}
