//! AVX-512: 24 accumulators, 12 rows x 32 columns for whole panels.

use std::arch::x86_64::*;

use crate::bf16::store_avx512 as store;
use crate::product::avx512::strips;
use crate::product::pack::{LANES, Line};
use crate::product::strip::{LeftCells, Strip};

/// Lines side by side in a panel.
pub(super) const PANEL_LINES: usize = 2;

strips!("avx512f,avx512bw,avx512vl", whole: [1 => 12, 2 => 12]);

/// # Safety
/// As [`tile`].
#[expect(unsafe_code, reason = "works on pointers")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn accumulate<const ROWS: usize, const LINES: usize>(
    left: LeftCells,
    row: usize,
    panel: *const Line,
    sums: &mut [[__m512; LINES]; ROWS],
) {
    // SAFETY: reads the cells of `ROWS` rows and `cells x LINES` lines, which the caller promised.
    unsafe {
        let starts: [*const f32; ROWS] =
            std::array::from_fn(|i| left.start.add((row + i) * left.row_stride).cast());
        let mut line: *const f32 = panel.cast();
        for step in 0..left.cells {
            let right: [__m512; LINES] = std::array::from_fn(|j| _mm512_load_ps(line.add(j * LANES)));
            for i in 0..ROWS {
                let value = _mm512_set1_ps(*starts[i].add(step * left.cell_stride));
                for j in 0..LINES {
                    sums[i][j] = _mm512_fmadd_ps(value, right[j], sums[i][j]);
                }
            }
            line = line.add(LINES * LANES);
        }
    }
}
