//! The innermost loops: some rows of the left operand times one packed panel, summed in registers over
//! the whole inner dimension. One file an instruction set; each result is a fixed order of sums.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
mod portable;

use super::pack::Line;
use crate::cpu::{Level, level};

/// A left operand as pairs: that of row `m` and step `p` is at `start + m * row_stride + p * pair_stride`.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftPairs {
    /// Points to pairs of bf16 that need not be aligned as u32.
    pub(super) start: *const u32,
    pub(super) row_stride: usize,
    pub(super) pair_stride: usize,
    /// Pairs of steps of the sum.
    pub(super) pairs: usize,
}

/// Where a block of results goes; rows `row_stride` elements apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination {
    pub(super) kind: DestinationKind,
    pub(super) row_stride: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum DestinationKind {
    Overwrite(*mut f32),
    Add(*mut f32),
    Round(*mut u16),
}

impl Destination {
    /// Where further sums of the same elements go.
    pub(super) fn then_add(self) -> Self {
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
    pub(super) unsafe fn at(self, row: usize, col: usize) -> Self {
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
}

/// `rows` rows of the terms' left operands times a panel of `width` columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip<'a> {
    /// Summed one after the other over consecutive lines of the panel.
    pub(super) left: &'a [LeftPairs],
    pub(super) rows: usize,
    pub(super) panel: &'a [Line],
    /// Lines side by side in the panel.
    pub(super) across: usize,
    /// Columns to compute, at most those of the lines.
    pub(super) width: usize,
    pub(super) destination: Destination,
}

/// Computes a strip.
///
/// # Safety
/// Every pair of `rows` rows of each left operand must be readable, `rows x width` elements of the
/// destination writable and in nobody else's use, and the panel as long as the terms' pairs ask for.
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: promised by the caller; the level says that the processor has the instructions.
    unsafe {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => avx512_bf16::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::multiply_strip(strip),
            _ => portable::multiply_strip(strip),
        }
    }
}
