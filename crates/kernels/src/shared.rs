//! A slice that several tasks write at once, each its own elements.

use std::marker::PhantomData;

use crate::matrix::MatrixMut;

/// A mutable slice handed to parallel tasks that write disjoint parts of it.
pub(crate) struct SharedSlice<'a> {
    start: *mut f32,
    length: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from an exclusive borrow that outlives the tasks, and every use is an
// unsafe call whose contract is that no two tasks touch the same element.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl Send for SharedSlice<'_> {}
// SAFETY: as for Send.
#[expect(unsafe_code, reason = "see the comment above")]
unsafe impl Sync for SharedSlice<'_> {}

impl<'a> SharedSlice<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), borrow: PhantomData }
    }

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
