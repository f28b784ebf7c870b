//! Sixteen rows of one block of columns in f32: the definition of what blocks mean.

use super::{BLOCK, Format, half};
use crate::product::pack::{LANES, Line};
use crate::simd::vectorised;

/// The blocks of sixteen rows at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) format: Format,
    pub(super) lines: &'a [Line],
    pub(super) scales: &'a [u16; LANES],
    pub(super) minima: Option<&'a [u16; LANES]>,
}

/// What blocks stand for: column by column, sixteen rows each.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Tile {
    pub(super) columns: [[f32; LANES]; BLOCK],
}

impl Default for Tile {
    fn default() -> Self {
        Self { columns: [[0.0; LANES]; BLOCK] }
    }
}

impl Tile {
    /// Overwrites it with those blocks. A number times its scale is exact in f32, so adding the minimum is
    /// the only rounding, whatever the instructions.
    pub(super) fn decode(&mut self, block: Block<'_>) {
        decode(block, &mut self.columns);
    }
}

/// Reads the number at `shift` of each lane.
#[inline(always)]
pub(super) fn numbers(format: Format, line: &Line, shift: usize) -> [f32; LANES] {
    match format {
        Format::Q4_0 => line.0.map(|lane| (((lane >> shift) & 15) as i32 - 8) as f32),
        Format::Q4_1 => line.0.map(|lane| ((lane >> shift) & 15) as i32 as f32),
        Format::Q8_0 => line.0.map(|lane| ((lane << (24 - shift)) as i32 >> 24) as f32),
    }
}

vectorised! {
    fn decode(block: Block<'_>, columns: &mut [[f32; LANES]; BLOCK]) {
        let bits = block.format.bits();
        let (mut scales, mut minima) = ([0.0; LANES], [0.0; LANES]);
        for (scale, half) in scales.iter_mut().zip(block.scales) {
            *scale = half::widen(*half);
        }
        for (minimum, half) in minima.iter_mut().zip(block.minima.into_iter().flatten()) {
            *minimum = half::widen(*half);
        }
        for (line, columns) in block.lines.iter().zip(columns.chunks_mut(32 / bits)) {
            for (index, column) in columns.iter_mut().enumerate() {
                let shift = index / 2 * bits + index % 2 * 16;
                let numbers = numbers(block.format, line, shift);
                for lane in 0..LANES {
                    column[lane] = numbers[lane] * scales[lane] + minima[lane];
                }
            }
        }
    }
}
