//! A slice that several tasks write at once, each its own elements.

use std::marker::PhantomData;

use crate::matrix_mut::MatrixMut;

/// A mutable slice handed to parallel tasks that write disjoint parts of it.
pub(crate) struct SharedSlice<'a, T = f32> {
    start: *mut T,
    length: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from an exclusive borrow that outlives the tasks, and every use is an
// unsafe call whose contract is that no two tasks touch the same element.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}
// SAFETY: as for Send.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), borrow: PhantomData }
    }

    /// `length` elements from `offset` on.
    ///
    /// # Safety
    /// No other task may hold any of these elements while the part lives.
    #[expect(unsafe_code, reason = "the caller promises that tasks do not overlap")]
    pub(crate) unsafe fn part(&self, offset: usize, length: usize) -> &'a mut [T] {
        assert!(offset + length <= self.length, "part beyond its slice");
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), length) }
    }
}

impl<'a> SharedSlice<'a, f32> {
    /// `rows x cols` elements from `offset` on, rows `row_stride` apart.
    ///
    /// # Safety
    /// No other task may hold any of these elements while the matrix lives.
    #[expect(unsafe_code, reason = "the caller promises that tasks do not overlap")]
    pub(crate) unsafe fn matrix(
        &self,
        offset: usize,
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> MatrixMut<'a> {
        let span = MatrixMut::span(rows, cols, row_stride);
        assert!(offset + span <= self.length, "matrix beyond its slice");
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { MatrixMut::from_raw(self.start.add(offset), rows, cols, row_stride) }
    }
}
