//! Numbers in f32. A cell is one of them.

mod tile;

use crate::matrix::View;
use crate::number::{Cells, Number};
use crate::product::strip::{DestinationKind, Strip};

impl Number for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

impl Cells for f32 {
    const PER_CELL: usize = 1;

    #[inline(always)]
    fn masked(self, kept: u16) -> Self {
        // The sign is extended, so that all bits of the mask are those of `kept`.
        Self::from_bits(self.to_bits() & (kept as i16 as i32 as u32))
    }

    #[inline(always)]
    fn cell(numbers: &[Self]) -> u32 {
        numbers[0].to_bits()
    }

    fn weave(rows: View<'_, Self>, cells: &mut [u32]) {
        cells.iter_mut().zip(rows.row(0)).for_each(|(cell, number)| *cell = number.to_bits());
    }

    fn weave_rounded(values: &[f32], cells: &mut [u32]) {
        cells.iter_mut().zip(values).for_each(|(cell, value)| *cell = value.to_bits());
    }

    fn destination(start: *mut Self) -> DestinationKind {
        DestinationKind::Overwrite(start)
    }

    fn panel_lines() -> usize {
        tile::panel_lines()
    }

    #[expect(unsafe_code, reason = "works on pointers")]
    unsafe fn multiply_strip(strip: Strip<'_>) {
        // SAFETY: passed on to the caller.
        unsafe { tile::multiply_strip(strip) }
    }
}
