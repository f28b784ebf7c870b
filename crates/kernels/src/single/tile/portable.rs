//! The reference: any processor, one line of the panel and a few rows at a time.

use crate::product::pack::LANES;
use crate::product::strip::Strip;

/// Rows whose sums fit the registers of most processors.
const ROWS: usize = 2;

/// # Safety
/// As [`super::multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    let mut row = 0;
    // SAFETY: the rows are those of the strip.
    unsafe {
        while row + ROWS <= strip.rows {
            rows::<ROWS>(strip, row);
            row += ROWS;
        }
        while row < strip.rows {
            rows::<1>(strip, row);
            row += 1;
        }
    }
}

/// # Safety
/// As [`multiply_strip`], for `ROWS` rows from `row` on.
#[expect(unsafe_code, reason = "works on pointers")]
#[inline(always)]
unsafe fn rows<const ROWS: usize>(strip: Strip<'_>, row: usize) {
    for group in 0..strip.width.div_ceil(LANES) {
        let mut sums = [[0.0_f32; LANES]; ROWS];
        let mut lines = strip.panel.iter().skip(group).step_by(strip.across);
        for left in strip.left {
            for (step, line) in (0..left.cells).zip(&mut lines) {
                for (i, sums) in sums.iter_mut().enumerate() {
                    let at = (row + i) * left.row_stride + step * left.cell_stride;
                    // SAFETY: the row holds `cells` cells by the caller's promise.
                    let value = f32::from_bits(unsafe { left.start.add(at).read_unaligned() });
                    for (sum, right) in sums.iter_mut().zip(line.0) {
                        *sum += value * f32::from_bits(right);
                    }
                }
            }
        }
        let columns = LANES.min(strip.width - group * LANES);
        for (i, sums) in sums.iter().enumerate() {
            for (lane, sum) in sums.iter().enumerate().take(columns) {
                // SAFETY: inside the `rows x width` elements that the caller promised.
                unsafe { strip.destination.at(row + i, group * LANES + lane).put(*sum) };
            }
        }
    }
}
