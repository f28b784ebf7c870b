//! A writable view of f32 numbers: whole, or a block inside a larger matrix.

use std::marker::PhantomData;

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

    /// All of its numbers, row-major. It must be whole, not a block.
    pub(crate) fn numbers(&mut self) -> &mut [f32] {
        assert_eq!(self.row_stride, self.cols, "a whole matrix");
        // SAFETY: an exclusive borrow of that many adjacent elements.
        #[expect(unsafe_code, reason = "adjacent elements of an exclusive borrow")]
        unsafe {
            std::slice::from_raw_parts_mut(self.start, self.rows * self.cols)
        }
    }

    pub(crate) fn pointer(&mut self) -> *mut f32 {
        self.start
    }
}
