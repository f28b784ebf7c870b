//! The reference: any processor, one line of the panel and one row at a time.

use crate::product::pack::LANES;
use crate::product::strip::Strip;

/// # Safety
/// As [`super::multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    for row in 0..strip.rows {
        for group in 0..strip.width.div_ceil(LANES) {
            let mut sums = [0.0_f32; LANES];
            let mut lines = strip.panel.iter().skip(group).step_by(strip.across);
            for left in strip.left {
                for (pair, line) in (0..left.cells).zip(&mut lines) {
                    // SAFETY: the row holds `pairs` pairs by the caller's promise.
                    let both = unsafe {
                        left.start.add(row * left.row_stride + pair * left.cell_stride).read_unaligned()
                    };
                    for (sum, right) in sums.iter_mut().zip(line.0) {
                        *sum += low(both) * low(right);
                        *sum += high(both) * high(right);
                    }
                }
            }
            let columns = LANES.min(strip.width - group * LANES);
            for (lane, sum) in sums.iter().enumerate().take(columns) {
                // SAFETY: inside the `rows x width` elements that the caller promised.
                unsafe { strip.destination.at(row, group * LANES + lane).put(*sum) };
            }
        }
    }
}

fn low(pair: u32) -> f32 {
    f32::from_bits(pair << 16)
}

fn high(pair: u32) -> f32 {
    f32::from_bits(pair & 0xFFFF_0000)
}
