//! Row-major matrices. Rows are padded with zeros to whole cells, so that products may read cells; a
//! whole weight is stored once and serves both `x Wᵀ` and `dy W`.

use std::ops::Range;

use rayon::prelude::*;

use crate::number::{Number, round, round_scaled};

/// Numbers that one task rounds.
const CHUNK: usize = 1 << 15;

/// An owned `rows x cols` matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix<N> {
    data: Vec<N>,
    rows: usize,
    cols: usize,
}

impl<N: Number> Matrix<N> {
    /// All zeros.
    pub fn zeroed(rows: usize, cols: usize) -> Self {
        Self::over(Vec::new(), rows, cols)
    }

    /// A matrix in the memory of `buffer`. Its numbers are leftovers of other uses, to be overwritten;
    /// only the padding is sure to be zero.
    pub fn over(mut buffer: Vec<N>, rows: usize, cols: usize) -> Self {
        let stride = Self::stride_of(cols);
        buffer.resize(rows * stride, N::default());
        if stride != cols {
            buffer.chunks_mut(stride).for_each(|row| row[cols..].fill(N::default()));
        }
        Self { data: buffer, rows, cols }
    }

    /// The nearest numbers to `values`, row-major `[rows, cols]`.
    pub fn from_f32(values: &[f32], rows: usize, cols: usize) -> Self {
        let mut matrix = Self::zeroed(rows, cols);
        matrix.round_from(values);
        matrix
    }

    /// Overwrites all of it with the nearest numbers to `values`, row-major `[rows, cols]`.
    pub fn round_from(&mut self, values: &[f32]) {
        assert_eq!(values.len(), self.rows * self.cols, "matrix size");
        let (cols, stride) = (self.cols, self.stride());
        if cols == stride {
            let chunks = self.data.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
            return chunks.for_each(|(rounded, values)| round(values, rounded));
        }
        for (row, values) in self.data.chunks_mut(stride).zip(values.chunks(cols)) {
            round(values, &mut row[..cols]);
        }
    }

    /// As [`Self::round_from`], each number multiplied by `factor` first.
    pub fn round_scaled_from(&mut self, values: &[f32], factor: f32) {
        assert_eq!(values.len(), self.rows * self.cols, "matrix size");
        let (cols, stride) = (self.cols, self.stride());
        for (row, values) in self.data.chunks_mut(stride).zip(values.chunks(cols)) {
            round_scaled(values, factor, &mut row[..cols]);
        }
    }

    /// Its memory, for [`Self::over`].
    pub fn into_buffer(self) -> Vec<N> {
        self.data
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Numbers from one row's start to the next's.
    pub fn stride(&self) -> usize {
        Self::stride_of(self.cols)
    }

    /// As [`Self::stride`], of matrices with that many columns.
    pub fn stride_of(cols: usize) -> usize {
        cols.next_multiple_of(N::PER_CELL)
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[N] {
        &self.data[index * self.stride()..][..self.cols]
    }

    /// Every number, padding included.
    pub fn data(&self) -> &[N] {
        &self.data
    }

    /// Every number, padding included: what is written there must be finite.
    pub fn data_mut(&mut self) -> &mut [N] {
        &mut self.data
    }

    /// All of it.
    pub fn view(&self) -> View<'_, N> {
        View { data: &self.data, rows: self.rows, cols: self.cols, stride: self.stride() }
    }
}

/// A view of some rows and columns.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, N> {
    pub(crate) data: &'a [N],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Whole cells, and at least `cols`; what remains of the last cell of each row is zero.
    pub(crate) stride: usize,
}

impl<'a, N: Number> View<'a, N> {
    /// All of `data` as `rows x cols`, row-major; the columns must fill whole cells (two bf16 numbers each).
    pub fn new(data: &'a [N], rows: usize, cols: usize) -> Self {
        assert!(data.len() == rows * cols && cols.is_multiple_of(N::PER_CELL), "matrix size");
        Self { data, rows, cols, stride: cols }
    }

    /// Some of the rows.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows in range");
        let data = &self.data[(range.start * self.stride).min(self.data.len())..];
        Self { data, rows: range.len(), ..self }
    }

    /// Some of the columns: whole cells of them, or up to the last.
    pub fn cols(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols, "columns in range");
        assert!(range.len().is_multiple_of(N::PER_CELL) || range.end == self.cols, "whole cells of columns");
        let data = &self.data[range.start.min(self.data.len())..];
        Self { data, cols: range.len(), ..self }
    }

    /// One row.
    pub fn row(self, index: usize) -> &'a [N] {
        &self.data[index * self.stride..][..self.cols]
    }

    /// Whether the whole cells of every row lie inside the data.
    pub(crate) fn holds_cells(&self) -> bool {
        let whole = self.cols.next_multiple_of(N::PER_CELL);
        self.rows == 0 || (self.rows - 1) * self.stride + whole <= self.data.len()
    }
}
