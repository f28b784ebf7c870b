//! Buffers used again and again: fresh pages from the operating system cost more than the small
//! operations that fill them.

use gradus_kernels::{Matrix, Number};

/// Rows that buffers are made for at least.
const PLANNED_ROWS: usize = 1024;

/// Buffers waiting to be used: of f32, and of the numbers that activations are kept in. Each is made for
/// more rows than most passes have, so that passes of different sizes use the same ones. What lies beyond
/// the rows that there were is never written to, and the system gives no memory to it: what is held in the
/// end is what the pass over the most rows needs (see [`Needs`](super::needs::Needs)).
#[derive(Debug, Default)]
pub(super) struct Buffers<N> {
    /// Rows of the pass that is going on.
    rows: usize,
    planned_rows: usize,
    single: Workspace<f32>,
    kept: Workspace<N>,
}

impl<N: Number> Buffers<N> {
    /// Says how many rows the pass has that begins now, with every buffer given back.
    pub(super) fn begin(&mut self, rows: usize) {
        if rows > self.planned_rows {
            let planned_rows = rows.next_power_of_two().max(PLANNED_ROWS);
            *self = Self { planned_rows, ..Self::default() };
        }
        self.rows = rows;
    }

    /// An f32 buffer of leftovers, to be overwritten; so and so many numbers for each row of the pass.
    pub(super) fn take(&mut self, length: usize) -> Vec<f32> {
        self.single.take(length, self.planned(length))
    }

    /// An f32 buffer of zeros, as [`Self::take`].
    pub(super) fn take_zeroed(&mut self, length: usize) -> Vec<f32> {
        let mut buffer = self.take(length);
        buffer.fill(0.0);
        buffer
    }

    /// A matrix of leftovers, to be overwritten; so and so many numbers for each row of the pass.
    pub(super) fn take_matrix(&mut self, rows: usize, cols: usize) -> Matrix<N> {
        let length = rows * Matrix::<N>::stride_of(cols);
        Matrix::over(self.kept.take(length, self.planned(length)), rows, cols)
    }

    /// As [`Self::take`], of a size that has nothing to do with the rows of the pass.
    pub(super) fn take_fixed(&mut self, length: usize) -> Vec<f32> {
        self.single.take(length, length)
    }

    /// As [`Self::take_matrix`], of a size that has nothing to do with the rows of the pass.
    pub(super) fn take_fixed_matrix(&mut self, rows: usize, cols: usize) -> Matrix<N> {
        let length = rows * Matrix::<N>::stride_of(cols);
        Matrix::over(self.kept.take(length, length), rows, cols)
    }

    /// Gives a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        self.single.give(buffer);
    }

    /// Gives a matrix back.
    pub(super) fn give_matrix(&mut self, matrix: Matrix<N>) {
        self.kept.give(matrix.into_buffer());
    }

    /// Bytes of the buffers that wait, as far as a pass over so many rows writes to them.
    #[cfg(test)]
    pub(super) fn bytes(&self, rows: usize) -> usize {
        let written = |length: usize| match length % self.planned_rows {
            0 => length / self.planned_rows * rows,
            _ => length,
        };
        self.single.lengths().map(|length| written(length) * size_of::<f32>()).sum::<usize>()
            + self.kept.lengths().map(|length| written(length) * size_of::<N>()).sum::<usize>()
    }

    /// The length for the rows that are planned for of what has that length for the rows of this pass.
    fn planned(&self, length: usize) -> usize {
        length.div_ceil(self.rows.max(1)) * self.planned_rows
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
    /// A buffer of that length with room for as much as planned, and not much more. Its contents are
    /// leftovers: the caller overwrites all of it.
    fn take(&mut self, length: usize, planned: usize) -> Vec<T> {
        let fitting = planned..=planned + planned / 8;
        let found = self.free.iter().rposition(|buffer| fitting.contains(&buffer.capacity()));
        let mut buffer =
            found.map_or_else(|| Vec::with_capacity(planned), |index| self.free.swap_remove(index));
        buffer.resize(length, T::default());
        buffer
    }

    /// Gives a buffer back.
    fn give(&mut self, buffer: Vec<T>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }

    #[cfg(test)]
    fn lengths(&self) -> impl Iterator<Item = usize> {
        self.free.iter().map(Vec::capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_of_any_size_use_the_same_buffers() {
        let mut buffers = Buffers::<f32>::default();
        let pass = |rows: usize| {
            buffers.begin(rows);
            let (narrow, wide, fixed) =
                (buffers.take(rows * 3), buffers.take(rows * 8), buffers.take_fixed(10));
            let matrix = buffers.take_matrix(rows, 3);
            assert_eq!((narrow.len(), wide.len(), fixed.len()), (3 * rows, 8 * rows, 10));
            [narrow, wide, fixed].into_iter().for_each(|buffer| buffers.give(buffer));
            buffers.give_matrix(matrix);
            buffers.bytes(100)
        };
        let of_a_hundred_rows = (100 * (3 + 8 + 3) + 10) * size_of::<f32>();
        let seen: Vec<usize> = [50, 100, 7, 1, 2000, 99].into_iter().map(pass).collect();
        assert_eq!(seen, [of_a_hundred_rows; 6]);
    }
}
