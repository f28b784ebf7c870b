//! Buffers used again and again: fresh pages from the operating system cost more than the small
//! operations that fill them.

use gradus_kernels::{Matrix, Number};

/// Buffers waiting to be used: of f32, and of the numbers that activations are kept in.
#[derive(Debug, Default)]
pub(super) struct Buffers<N> {
    single: Workspace<f32>,
    kept: Workspace<N>,
}

impl<N: Number> Buffers<N> {
    /// An f32 buffer of leftovers, to be overwritten.
    pub(super) fn take(&mut self, length: usize) -> Vec<f32> {
        self.single.take(length)
    }

    /// An f32 buffer of zeros.
    pub(super) fn take_zeroed(&mut self, length: usize) -> Vec<f32> {
        let mut buffer = self.take(length);
        buffer.fill(0.0);
        buffer
    }

    /// A matrix of leftovers, to be overwritten.
    pub(super) fn take_matrix(&mut self, rows: usize, cols: usize) -> Matrix<N> {
        Matrix::over(self.kept.take(rows * Matrix::<N>::stride_of(cols)), rows, cols)
    }

    /// Gives a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        self.single.give(buffer);
    }

    /// Gives a matrix back.
    pub(super) fn give_matrix(&mut self, matrix: Matrix<N>) {
        self.kept.give(matrix.into_buffer());
    }
}

/// Buffers of one type.
#[derive(Debug)]
struct Workspace<T> {
    free: Vec<Vec<T>>,
}

impl<T> Default for Workspace<T> {
    fn default() -> Self {
        Self { free: Vec::new() }
    }
}

impl<T: Copy + Default> Workspace<T> {
    /// A buffer of that length. Its contents are leftovers: the caller overwrites all of it.
    fn take(&mut self, length: usize) -> Vec<T> {
        let fits = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= length);
        let smallest = fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index);
        let mut buffer = smallest.map_or_else(Vec::new, |index| self.free.swap_remove(index));
        buffer.resize(length, T::default());
        buffer
    }

    /// Gives a buffer back.
    fn give(&mut self, buffer: Vec<T>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}
