//! What products are made of: operands in the layouts that training needs, terms and targets.

use super::interleave::InterleavedView;
use super::strip::LeftCells;
use crate::matrix::{Matrix, View};
use crate::matrix_mut::MatrixMut;
use crate::number::Number;
use crate::quantised::QuantisedView;

/// The left operand, `m x k`.
#[derive(Debug, Clone, Copy)]
pub enum Left<'a, N> {
    /// `[m, k]`.
    Rows(View<'a, N>),
    /// `[k, m]`, with the rows of a cell woven together.
    Columns(InterleavedView<'a, N>),
}

/// The right operand, `k x n`.
#[derive(Debug, Clone, Copy)]
pub enum Right<'a, N> {
    /// `[n, k]`, as a weight `[out, in]` in `x Wᵀ`.
    Rows(View<'a, N>),
    /// `[k, n]`, as a weight `[out, in]` in `dy W`.
    Columns(View<'a, N>),
    /// As [`Self::Rows`], quantised.
    QuantisedRows(QuantisedView<'a>),
    /// As [`Self::Columns`], quantised.
    QuantisedColumns(QuantisedView<'a>),
}

/// One product `left x right` of a sum.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a, N> {
    /// `m x k`.
    pub left: Left<'a, N>,
    /// `k x n`.
    pub right: Right<'a, N>,
}

/// What becomes of the sum.
#[derive(Debug)]
pub enum Target<'a, N> {
    /// It replaces what is there.
    Overwrite(MatrixMut<'a>),
    /// It is added to what is there.
    Add(MatrixMut<'a>),
    /// It is rounded to the operands' numbers.
    Round(&'a mut Matrix<N>),
}

/// `target (+)= Σ terms`, every term `m x n` with its own inner dimension.
#[derive(Debug)]
pub struct Product<'a, N> {
    /// Where the sum goes.
    pub target: Target<'a, N>,
    /// At least one.
    pub terms: Vec<Term<'a, N>>,
}

impl<N: Number> Left<'_, N> {
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

    /// Whether every cell lies inside the data.
    pub(super) fn holds_cells(self) -> bool {
        match self {
            Self::Rows(view) => view.holds_cells(),
            Self::Columns(woven) => woven.cells.len() == woven.rows.div_ceil(N::PER_CELL) * woven.cols,
        }
    }

    /// The steps of some of the cells.
    pub(super) fn part(self, first: usize, cells: usize) -> Self {
        match self {
            Self::Rows(view) => Self::Rows(view.cols(steps::<N>(first, cells, view.cols))),
            Self::Columns(woven) => Self::Columns(woven.part(first, cells)),
        }
    }

    pub(super) fn cells(self, first_row: usize) -> LeftCells {
        match self {
            Self::Rows(view) => LeftCells {
                start: view.data[first_row * view.stride..].as_ptr().cast(),
                row_stride: view.stride / N::PER_CELL,
                cell_stride: 1,
                cells: view.cols.div_ceil(N::PER_CELL),
            },
            Self::Columns(woven) => LeftCells {
                start: woven.cells[first_row..].as_ptr(),
                row_stride: 1,
                cell_stride: woven.cols,
                cells: woven.rows.div_ceil(N::PER_CELL),
            },
        }
    }
}

impl<N: Number> Right<'_, N> {
    pub(super) fn cols(self) -> usize {
        match self {
            Self::Rows(view) => view.rows,
            Self::Columns(view) => view.cols,
            Self::QuantisedRows(view) => view.rows,
            Self::QuantisedColumns(view) => view.cols,
        }
    }

    pub(crate) fn steps(self) -> usize {
        match self {
            Self::Rows(view) => view.cols,
            Self::Columns(view) => view.rows,
            Self::QuantisedRows(view) => view.cols,
            Self::QuantisedColumns(view) => view.rows,
        }
    }

    /// The steps of some of the cells.
    pub(super) fn part(self, first: usize, cells: usize) -> Self {
        let steps = steps::<N>(first, cells, self.steps());
        match self {
            Self::Rows(view) => Self::Rows(view.cols(steps)),
            Self::Columns(view) => Self::Columns(view.rows(steps)),
            Self::QuantisedRows(view) => Self::QuantisedRows(view.cols(steps)),
            Self::QuantisedColumns(view) => Self::QuantisedColumns(view.rows(steps)),
        }
    }
}

/// The steps of some of the cells of a sum of `all` steps.
fn steps<N: Number>(first: usize, cells: usize, all: usize) -> std::ops::Range<usize> {
    N::PER_CELL * first..all.min(N::PER_CELL * (first + cells))
}
