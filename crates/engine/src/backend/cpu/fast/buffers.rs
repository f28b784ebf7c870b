//! Buffers used again and again, of both widths.

use gradus_kernels::bf16::{Bf16, Bf16Matrix};

use crate::backend::cpu::workspace::Workspace;

/// Buffers waiting to be used.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    single: Workspace<f32>,
    half: Workspace<Bf16>,
}

impl Buffers {
    /// An f32 buffer of leftovers, to be overwritten.
    pub(super) fn take(&mut self, length: usize) -> Vec<f32> {
        self.single.take(length)
    }

    /// An f32 buffer of zeros.
    pub(super) fn take_zeroed(&mut self, length: usize) -> Vec<f32> {
        self.single.take_zeroed(length)
    }

    /// A matrix of leftovers, to be overwritten.
    pub(super) fn take_matrix(&mut self, rows: usize, cols: usize) -> Bf16Matrix {
        Bf16Matrix::over(self.half.take(rows * cols.next_multiple_of(2)), rows, cols)
    }

    /// Gives a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        self.single.give(buffer);
    }

    /// Gives a matrix back.
    pub(super) fn give_matrix(&mut self, matrix: Bf16Matrix) {
        self.half.give(matrix.into_buffer());
    }
}
