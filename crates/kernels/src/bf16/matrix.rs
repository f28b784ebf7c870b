//! Row-major bf16 matrices. Rows are padded with zeros to an even length, so that kernels may read
//! pairs; a whole weight is stored once and serves both `x Wᵀ` and `dy W`.

use std::ops::Range;

use super::{Bf16, round_to_bf16};
use crate::simd::vectorised;

/// An owned `rows x cols` matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bf16Matrix {
    data: Vec<Bf16>,
    rows: usize,
    cols: usize,
}

impl Bf16Matrix {
    /// All zeros.
    pub fn zeroed(rows: usize, cols: usize) -> Self {
        Self::over(Vec::new(), rows, cols)
    }

    /// A matrix in the memory of `buffer`. Its numbers are leftovers of other uses, to be overwritten;
    /// only the padding is sure to be zero.
    pub fn over(mut buffer: Vec<Bf16>, rows: usize, cols: usize) -> Self {
        let stride = cols.next_multiple_of(2);
        buffer.resize(rows * stride, Bf16::default());
        if stride != cols {
            buffer.chunks_mut(stride).for_each(|row| row[cols] = Bf16::default());
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
            return round_to_bf16(values, &mut self.data);
        }
        for (row, values) in self.data.chunks_mut(stride).zip(values.chunks(cols)) {
            round_to_bf16(values, &mut row[..cols]);
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
    pub fn into_buffer(self) -> Vec<Bf16> {
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
        self.cols.next_multiple_of(2)
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[Bf16] {
        &self.data[index * self.stride()..][..self.cols]
    }

    /// Every number, padding included.
    pub fn data(&self) -> &[Bf16] {
        &self.data
    }

    /// Every number, padding included: what is written there must be finite.
    pub fn data_mut(&mut self) -> &mut [Bf16] {
        &mut self.data
    }

    /// All of it.
    pub fn view(&self) -> Bf16View<'_> {
        Bf16View { data: &self.data, rows: self.rows, cols: self.cols, stride: self.stride() }
    }
}

/// A view of some rows and columns.
#[derive(Debug, Clone, Copy)]
pub struct Bf16View<'a> {
    pub(super) data: &'a [Bf16],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Even, and at least `cols`; where `cols` is odd, the number after each row's last is zero.
    pub(super) stride: usize,
}

impl<'a> Bf16View<'a> {
    /// All of `data` as `rows x cols`, row-major; `cols` must be even.
    pub fn new(data: &'a [Bf16], rows: usize, cols: usize) -> Self {
        assert!(data.len() == rows * cols && cols.is_multiple_of(2), "matrix size");
        Self { data, rows, cols, stride: cols }
    }

    /// Some of the rows.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows in range");
        let data = &self.data[(range.start * self.stride).min(self.data.len())..];
        Self { data, rows: range.len(), ..self }
    }

    /// Some of the columns: an even number of them, or up to the last.
    pub fn cols(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols, "columns in range");
        assert!(range.len().is_multiple_of(2) || range.end == self.cols, "whole pairs of columns");
        let data = &self.data[range.start.min(self.data.len())..];
        Self { data, cols: range.len(), ..self }
    }

    /// One row.
    pub fn row(self, index: usize) -> &'a [Bf16] {
        &self.data[index * self.stride..][..self.cols]
    }

    /// Whether `pairs` whole pairs of every row lie inside the data.
    pub(super) fn holds_pairs(&self) -> bool {
        let pairs = self.cols.next_multiple_of(2);
        self.rows == 0 || (self.rows - 1) * self.stride + pairs <= self.data.len()
    }
}

vectorised! {
    fn round_scaled(values: &[f32], factor: f32, rounded: &mut [Bf16]) {
        for (to, from) in rounded.iter_mut().zip(values) {
            *to = Bf16::from_f32(from * factor);
        }
    }
}
