//! AVX-512: tiles of some rows x up to four lines, summed in registers. The loops are the same with and
//! without instructions for bf16; `fused` and `dot` give them the innermost product and the rounding.

pub(super) mod dot;
pub(super) mod fused;

/// Declares `multiply_strip` and `store` over the `accumulate` and `round` of the module it stands in,
/// compiled for `features`; a whole tile has the given number of rows for one, two, three and four lines.
macro_rules! strips {
    ($features:literal, whole: [$one:literal, $two:literal, $three:literal, $four:literal]) => {
        /// # Safety
        #[doc = concat!("As [`super::super::multiply_strip`]; the processor must have ", $features, ".")]
        #[expect(unsafe_code, reason = "works on pointers")]
        #[target_feature(enable = $features)]
        pub(in crate::bf16::tile) unsafe fn multiply_strip(strip: Strip<'_>) {
            // SAFETY: passed on to the caller.
            unsafe {
                match strip.across {
                    4 => rows::<$four, 4>(strip),
                    3 => rows::<$three, 3>(strip),
                    2 => rows::<$two, 2>(strip),
                    _ => rows::<$one, 1>(strip),
                }
            }
        }

        /// Whole tiles of `ROWS` rows, then what is left in tiles of 4, 2 and 1.
        ///
        /// # Safety
        /// As [`multiply_strip`].
        #[expect(unsafe_code, reason = "works on pointers")]
        #[target_feature(enable = $features)]
        unsafe fn rows<const ROWS: usize, const LINES: usize>(strip: Strip<'_>) {
            let mut row = 0;
            // SAFETY: the tiles stay inside the strip's rows.
            unsafe {
                while row + ROWS <= strip.rows {
                    tile::<ROWS, LINES>(strip, row);
                    row += ROWS;
                }
                while row + 4 <= strip.rows {
                    tile::<4, LINES>(strip, row);
                    row += 4;
                }
                if row + 2 <= strip.rows {
                    tile::<2, LINES>(strip, row);
                    row += 2;
                }
                if row < strip.rows {
                    tile::<1, LINES>(strip, row);
                }
            }
        }

        /// # Safety
        /// As [`multiply_strip`], for `ROWS` rows from `row` on.
        #[expect(unsafe_code, reason = "works on pointers")]
        #[target_feature(enable = $features)]
        #[inline]
        unsafe fn tile<const ROWS: usize, const LINES: usize>(strip: Strip<'_>, row: usize) {
            let mut sums = [[_mm512_setzero_ps(); LINES]; ROWS];
            let mut panel = strip.panel.as_ptr();
            // SAFETY: pairs and lines exist by the caller's promise; columns past the width are masked off.
            unsafe {
                for left in strip.left {
                    accumulate(*left, row, panel, &mut sums);
                    panel = panel.add(left.cells * LINES);
                }
                for (i, sums) in sums.iter().enumerate() {
                    for (j, sum) in sums.iter().enumerate() {
                        let columns = LANES.min(strip.width.saturating_sub(j * LANES));
                        store(strip.destination.at(row + i, j * LANES), *sum, columns);
                    }
                }
            }
        }

        /// Stores the first `columns` sums of a row.
        ///
        /// # Safety
        /// The first `columns` elements of the destination must be writable.
        #[expect(unsafe_code, reason = "stores by pointer")]
        #[target_feature(enable = $features)]
        #[inline]
        pub(crate) unsafe fn store(destination: Destination, sums: __m512, columns: usize) {
            let mask = ((1_u32 << columns) - 1) as __mmask16;
            // SAFETY: the mask stops at the last column.
            unsafe {
                match destination.kind {
                    DestinationKind::Overwrite(to) => _mm512_mask_storeu_ps(to, mask, sums),
                    DestinationKind::Add(to) => {
                        let before = _mm512_maskz_loadu_ps(mask, to);
                        _mm512_mask_storeu_ps(to, mask, _mm512_add_ps(before, sums));
                    }
                    DestinationKind::Round(to) => {
                        _mm256_mask_storeu_epi16(to.cast(), mask, round(sums));
                    }
                }
            }
        }
    };
}

use strips;
