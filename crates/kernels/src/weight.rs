//! Frozen weights as a model keeps them: in the numbers that it computes with, or quantised.

use std::ops::Range;

use rayon::prelude::*;

use crate::matrix::{Matrix, View};
use crate::number::{Number, widen};
use crate::product::Right;
use crate::quantised::{QuantisedMatrix, QuantisedView};

/// A frozen weight, `[out, in]`.
#[derive(Debug, Clone)]
pub enum Weight<N> {
    /// Every number by itself.
    Dense(Matrix<N>),
    /// Blocks with a common scale, dequantised where they are used.
    Quantised(QuantisedMatrix),
}

impl<N: Number> Weight<N> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.rows(),
            Self::Quantised(matrix) => matrix.rows(),
        }
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.cols(),
            Self::Quantised(matrix) => matrix.cols(),
        }
    }

    /// Bytes that it takes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(matrix) => size_of_val(matrix.data()),
            Self::Quantised(matrix) => matrix.bytes(),
        }
    }

    /// All of it.
    pub fn view(&self) -> WeightView<'_, N> {
        match self {
            Self::Dense(matrix) => WeightView::Dense(matrix.view()),
            Self::Quantised(matrix) => WeightView::Quantised(matrix.view()),
        }
    }

    /// One row in f32.
    pub fn widen_row(&self, row: usize, values: &mut [f32]) {
        match self {
            Self::Dense(matrix) => widen(matrix.row(row), values),
            Self::Quantised(matrix) => matrix.dequantise_row(row, values),
        }
    }

    /// Whole rows in f32 from `first` on, a multiple of 16, as many as `values` is long.
    pub fn widen_rows(&self, first: usize, values: &mut [f32]) {
        match self {
            Self::Dense(matrix) => {
                let rows = values.par_chunks_mut(matrix.cols().max(1)).enumerate();
                rows.for_each(|(row, values)| widen(matrix.row(first + row), values));
            }
            Self::Quantised(matrix) => matrix.dequantise_rows(first, values),
        }
    }
}

/// Some rows of a frozen weight.
#[derive(Debug, Clone, Copy)]
pub enum WeightView<'a, N> {
    /// Every number by itself.
    Dense(View<'a, N>),
    /// Blocks with a common scale.
    Quantised(QuantisedView<'a>),
}

impl<'a, N: Number> WeightView<'a, N> {
    /// Number of rows.
    pub fn height(self) -> usize {
        match self {
            Self::Dense(view) => view.rows,
            Self::Quantised(view) => view.rows,
        }
    }

    /// Some of the rows, beginning with a multiple of 16.
    pub fn rows(self, range: Range<usize>) -> Self {
        match self {
            Self::Dense(view) => Self::Dense(view.rows(range)),
            Self::Quantised(view) => Self::Quantised(view.rows(range)),
        }
    }

    /// The right operand of `x Wᵀ`.
    pub fn by_rows(self) -> Right<'a, N> {
        match self {
            Self::Dense(view) => Right::Rows(view),
            Self::Quantised(view) => Right::QuantisedRows(view),
        }
    }

    /// The right operand of `dy W`.
    pub fn by_columns(self) -> Right<'a, N> {
        match self {
            Self::Dense(view) => Right::Columns(view),
            Self::Quantised(view) => Right::QuantisedColumns(view),
        }
    }
}
