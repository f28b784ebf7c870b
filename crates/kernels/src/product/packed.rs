//! A right operand packed once for several products on one thread, as attention has them.

use std::marker::PhantomData;

use super::pack::{LANES, Line, pack_panel};
use super::panel_columns;
use super::strip::{Destination, DestinationKind, Strip};
use super::{Left, Right};
use crate::matrix_mut::MatrixMut;
use crate::number::Number;

/// Whether a product replaces the destination or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accumulate {
    Overwrite,
    Add,
}

/// All panels of a `k x n` operand.
#[derive(Debug, Default)]
pub(crate) struct Packed<N> {
    lines: Vec<Line>,
    cells: usize,
    cols: usize,
    numbers: PhantomData<N>,
}

impl<N: Number> Packed<N> {
    /// Packs `right` in place of what was packed before.
    pub(crate) fn pack(&mut self, right: Right<'_, N>) {
        (self.cells, self.cols) = (right.steps().div_ceil(N::PER_CELL), right.cols());
        let lines = self.cells * self.cols.div_ceil(LANES);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line::ZERO);
        }
        let mut rest = &mut self.lines[..lines];
        for first in (0..self.cols).step_by(panel_columns::<N>()) {
            let width = panel_columns::<N>().min(self.cols - first);
            let (panel, after) = rest.split_at_mut(self.cells * width.div_ceil(LANES));
            pack_panel(right, first, width, panel);
            rest = after;
        }
    }

    /// `destination (+)= left x operand`. The destination may have fewer columns than the operand and
    /// the left operand fewer steps: the first ones are taken.
    pub(crate) fn multiply(&self, left: Left<'_, N>, mut destination: MatrixMut<'_>, accumulate: Accumulate) {
        assert!(left.holds_cells() && left.rows() == destination.rows, "rows of the left operand");
        assert!(
            left.steps().div_ceil(N::PER_CELL) <= self.cells && destination.cols <= self.cols,
            "packed size"
        );
        let (rows, cols, row_stride) = (destination.rows, destination.cols, destination.row_stride);
        let kind = match accumulate {
            Accumulate::Overwrite => DestinationKind::Overwrite(destination.pointer()),
            Accumulate::Add => DestinationKind::Add(destination.pointer()),
        };
        let whole = Destination { kind, row_stride };
        let left = [left.cells(0)];
        let mut lines = &self.lines[..];
        for first in (0..cols).step_by(panel_columns::<N>()) {
            let across = panel_columns::<N>().min(self.cols - first).div_ceil(LANES);
            let (panel, after) = lines.split_at(self.cells * across);
            lines = after;
            let width = panel_columns::<N>().min(cols - first);
            // SAFETY: the column is inside the destination, which is exclusively ours; rows, steps and
            // columns were held against it and the operands above.
            #[expect(unsafe_code, reason = "works on the destination's pointer")]
            unsafe {
                let destination = whole.at(0, first);
                N::multiply_strip(Strip { left: &left, rows, panel, across, width, destination });
            }
        }
    }
}
