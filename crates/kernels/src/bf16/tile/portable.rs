//! The reference: any processor, one line of the panel and one row at a time.

use super::{DestinationKind, Strip};
use crate::bf16::Bf16;
use crate::bf16::pack::LANES;

/// # Safety
/// As [`super::multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    for row in 0..strip.rows {
        for group in 0..strip.width.div_ceil(LANES) {
            let mut sums = [0.0_f32; LANES];
            let mut lines = strip.panel.iter().skip(group).step_by(strip.across);
            for left in strip.left {
                for (pair, line) in (0..left.pairs).zip(&mut lines) {
                    // SAFETY: the row holds `pairs` pairs by the caller's promise.
                    let both = unsafe {
                        left.start.add(row * left.row_stride + pair * left.pair_stride).read_unaligned()
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
                unsafe {
                    match strip.destination.at(row, group * LANES + lane).kind {
                        DestinationKind::Overwrite(to) => *to = *sum,
                        DestinationKind::Add(to) => *to += *sum,
                        DestinationKind::Round(to) => *to = Bf16::from_f32(*sum).0,
                    }
                }
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
