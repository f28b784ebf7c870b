//! Some rows and columns of a quantised matrix, in whole groups and blocks.

use std::ops::Range;

use super::tile::Block;
use super::{BLOCK, QuantisedMatrix};
use crate::product::pack::LANES;

/// A view that begins with a whole group of sixteen rows and with a whole block of columns.
#[derive(Debug, Clone, Copy)]
pub struct QuantisedView<'a> {
    pub(super) matrix: &'a QuantisedMatrix,
    pub(super) first_group: usize,
    pub(super) first_block: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<'a> QuantisedView<'a> {
    pub(super) fn new(matrix: &'a QuantisedMatrix) -> Self {
        Self { matrix, first_group: 0, first_block: 0, rows: matrix.rows, cols: matrix.cols }
    }

    /// Some of the rows, beginning with a group of sixteen.
    pub fn rows(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "rows in range");
        assert!(range.start.is_multiple_of(LANES), "whole groups of rows");
        Self { first_group: self.first_group + range.start / LANES, rows: range.len(), ..self }
    }

    /// Some of the columns, in whole blocks.
    pub fn cols(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols, "columns in range");
        let whole = range.start.is_multiple_of(BLOCK) && range.len().is_multiple_of(BLOCK);
        assert!(whole, "whole blocks of columns");
        Self { first_block: self.first_block + range.start / BLOCK, cols: range.len(), ..self }
    }

    /// The blocks of one group of rows at one place.
    pub(super) fn block(self, group: usize, block: usize) -> Block<'a> {
        self.matrix.block(self.first_group + group, self.first_block + block)
    }

    /// Blocks of columns.
    pub(super) fn blocks(self) -> usize {
        self.cols / BLOCK
    }

    /// Groups of rows.
    pub(super) fn groups(self) -> usize {
        self.rows.div_ceil(LANES)
    }
}
