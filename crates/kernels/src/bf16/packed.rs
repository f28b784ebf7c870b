//! A right operand packed once for several products on one thread, as attention has them.

use super::pack::{LANES, Line, PANEL, pack_panel};
use super::product::{Left, Right};
use super::tile::{Destination, DestinationKind, Strip, multiply_strip};
use crate::gemm::Accumulate;
use crate::matrix::MatrixMut;

/// All panels of a `k x n` operand.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    lines: Vec<Line>,
    pairs: usize,
    cols: usize,
}

impl Packed {
    /// Packs `right` in place of what was packed before.
    pub(crate) fn pack(&mut self, right: Right<'_>) {
        (self.pairs, self.cols) = (right.steps().div_ceil(2), right.cols());
        let lines = self.pairs * self.cols.div_ceil(LANES);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line::ZERO);
        }
        let mut rest = &mut self.lines[..lines];
        for first in (0..self.cols).step_by(PANEL) {
            let width = PANEL.min(self.cols - first);
            let (panel, after) = rest.split_at_mut(self.pairs * width.div_ceil(LANES));
            pack_panel(right, first, width, panel);
            rest = after;
        }
    }

    /// `destination (+)= left x operand`. The destination may have fewer columns than the operand and
    /// the left operand fewer steps: the first ones are taken.
    pub(crate) fn multiply(&self, left: Left<'_>, mut destination: MatrixMut<'_>, accumulate: Accumulate) {
        assert!(left.holds_pairs() && left.rows() == destination.rows, "rows of the left operand");
        assert!(left.steps().div_ceil(2) <= self.pairs && destination.cols <= self.cols, "packed size");
        let (rows, cols, row_stride) = (destination.rows, destination.cols, destination.row_stride);
        let kind = match accumulate {
            Accumulate::Overwrite => DestinationKind::Overwrite(destination.pointer()),
            Accumulate::Add => DestinationKind::Add(destination.pointer()),
        };
        let whole = Destination { kind, row_stride };
        let left = [left.pairs(0)];
        let mut lines = &self.lines[..];
        for first in (0..cols).step_by(PANEL) {
            let across = PANEL.min(self.cols - first).div_ceil(LANES);
            let (panel, after) = lines.split_at(self.pairs * across);
            lines = after;
            let width = PANEL.min(cols - first);
            // SAFETY: the column is inside the destination, which is exclusively ours; rows, steps and
            // columns were held against it and the operands above.
            #[expect(unsafe_code, reason = "works on the destination's pointer")]
            unsafe {
                let destination = whole.at(0, first);
                multiply_strip(Strip { left: &left, rows, panel, across, width, destination });
            }
        }
    }
}
