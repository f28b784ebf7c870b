//! What the innermost loops are given: rows of left operands, one packed panel, and where the sums go.

use super::pack::Line;
use crate::bf16::Bf16;
use crate::number::{Number, round};
use crate::reduce::add_assign;

/// A left operand as cells: that of row `m` and step `p` is at `start + m * row_stride + p * cell_stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftCells {
    /// Points to cells that need not be aligned as u32.
    pub(crate) start: *const u32,
    pub(crate) row_stride: usize,
    pub(crate) cell_stride: usize,
    /// Steps of the sum, in cells.
    pub(crate) cells: usize,
}

/// Where a block of results goes; rows `row_stride` elements apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination {
    pub(crate) kind: DestinationKind,
    pub(crate) row_stride: usize,
}

/// What becomes of the sums.
#[derive(Debug, Clone, Copy)]
pub enum DestinationKind {
    /// They replace what is there.
    Overwrite(*mut f32),
    /// They are added to what is there.
    Add(*mut f32),
    /// They are rounded to bf16.
    Round(*mut u16),
}

impl Destination {
    /// Where further sums of the same elements go.
    pub(crate) fn then_add(self) -> Self {
        match self.kind {
            DestinationKind::Overwrite(to) => Self { kind: DestinationKind::Add(to), ..self },
            _ => self,
        }
    }

    /// The destination from some row and column on.
    ///
    /// # Safety
    /// The element must be inside the memory that the destination points to.
    #[inline(always)]
    #[expect(unsafe_code, reason = "pointer arithmetic")]
    pub(crate) unsafe fn at(self, row: usize, col: usize) -> Self {
        let offset = row * self.row_stride + col;
        // SAFETY: promised by the caller.
        let kind = unsafe {
            match self.kind {
                DestinationKind::Overwrite(start) => DestinationKind::Overwrite(start.add(offset)),
                DestinationKind::Add(start) => DestinationKind::Add(start.add(offset)),
                DestinationKind::Round(start) => DestinationKind::Round(start.add(offset)),
            }
        };
        Self { kind, ..self }
    }

    /// Puts one sum into the first element.
    ///
    /// # Safety
    /// The element must be inside the memory that the destination points to, and in nobody else's use.
    #[inline(always)]
    #[expect(unsafe_code, reason = "stores by pointer")]
    pub(crate) unsafe fn put(self, sum: f32) {
        // SAFETY: promised by the caller.
        unsafe {
            match self.kind {
                DestinationKind::Overwrite(to) => *to = sum,
                DestinationKind::Add(to) => *to += sum,
                DestinationKind::Round(to) => *to = Bf16::from_f32(sum).0,
            }
        }
    }
}

impl Destination {
    /// Puts the sums of one row, from its first element on.
    ///
    /// # Safety
    /// As [`Self::put`], for as many elements as there are sums.
    #[expect(unsafe_code, reason = "stores by pointer")]
    pub(crate) unsafe fn put_row(self, sums: &[f32]) {
        // SAFETY: promised by the caller.
        unsafe {
            match self.kind {
                DestinationKind::Overwrite(to) => {
                    std::ptr::copy_nonoverlapping(sums.as_ptr(), to, sums.len())
                }
                DestinationKind::Add(to) => add_assign(std::slice::from_raw_parts_mut(to, sums.len()), sums),
                DestinationKind::Round(to) => {
                    round(sums, std::slice::from_raw_parts_mut(to.cast::<Bf16>(), sums.len()));
                }
            }
        }
    }
}

/// `rows` rows of the terms' left operands times a panel of `width` columns.
#[derive(Debug, Clone, Copy)]
pub struct Strip<'a> {
    /// Summed one after the other over consecutive lines of the panel.
    pub(crate) left: &'a [LeftCells],
    pub(crate) rows: usize,
    pub(crate) panel: &'a [Line],
    /// Lines side by side in the panel.
    pub(crate) across: usize,
    /// Columns to compute, at most those of the lines.
    pub(crate) width: usize,
    pub(crate) destination: Destination,
}
