//! Strided views of row-major f32 matrices: whole, a block of rows, a range of columns, transposed.

use std::marker::PhantomData;
use std::ops::Range;

/// A read-only view of `rows x cols` numbers.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    pub(crate) col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// All of `data` as `rows x cols`, row-major.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "matrix size");
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without copying.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Some of the rows.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows in range");
        Self {
            data: &self.data[(range.start * self.row_stride).min(self.data.len())..],
            rows: range.len(),
            ..self
        }
    }

    /// Some of the columns.
    pub fn cols(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols, "columns in range");
        Self {
            data: &self.data[(range.start * self.col_stride).min(self.data.len())..],
            cols: range.len(),
            ..self
        }
    }

    /// One row of a view whose columns are adjacent.
    pub fn row(self, index: usize) -> &'a [f32] {
        assert!(self.col_stride == 1 && index < self.rows, "a row of adjacent numbers");
        &self.data[index * self.row_stride..][..self.cols]
    }
}

/// A writable view of `rows x cols` numbers whose columns are adjacent.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    start: *mut f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: a MatrixMut is an exclusive borrow of its elements, like `&mut [f32]`.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// All of `data` as `rows x cols`, row-major.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "matrix size");
        Self { start: data.as_mut_ptr(), rows, cols, row_stride: cols, borrow: PhantomData }
    }

    /// # Safety
    /// `start` must point to [`Self::span`] elements that nothing else uses for `'a` (elements between
    /// the rows excepted).
    #[expect(unsafe_code, reason = "built from a pointer")]
    pub(crate) unsafe fn from_raw(start: *mut f32, rows: usize, cols: usize, row_stride: usize) -> Self {
        Self { start, rows, cols, row_stride, borrow: PhantomData }
    }

    /// Elements from the first of the first row to the last of the last.
    pub(crate) fn span(rows: usize, cols: usize, row_stride: usize) -> usize {
        if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols }
    }

    pub(crate) fn pointer(&mut self) -> *mut f32 {
        self.start
    }

    /// The same view for a shorter time.
    pub fn reborrow(&mut self) -> MatrixMut<'_> {
        MatrixMut { start: self.start, borrow: PhantomData, ..*self }
    }

    /// Some of the columns.
    pub fn into_cols(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols, "columns in range");
        // SAFETY: still inside the span; an empty range keeps the start.
        #[expect(unsafe_code, reason = "moves the start inside the view")]
        let start = unsafe { self.start.add(if range.is_empty() { 0 } else { range.start }) };
        Self { start, cols: range.len(), ..self }
    }

    /// One row.
    pub fn row(&mut self, index: usize) -> &mut [f32] {
        assert!(index < self.rows, "row in range");
        // SAFETY: `cols` elements from the row's start are inside the span and exclusively ours.
        #[expect(unsafe_code, reason = "a row of an exclusive view")]
        unsafe {
            std::slice::from_raw_parts_mut(self.start.add(index * self.row_stride), self.cols)
        }
    }
}
