//! AVX-512: tiles of some rows x a few lines, summed in registers. The loops are the same for both numbers
//! and all instructions; the module they are declared in gives the innermost product and the stores.

/// Declares `multiply_strip` over the `accumulate` and `store` of the module it stands in, compiled for
/// `features`; a whole tile has the given number of rows for one line, and for more as said.
macro_rules! strips {
    ($features:literal, whole: [1 => $one:literal $(, $lines:literal => $rows:literal)*]) => {
        /// # Safety
        #[doc = concat!("As [`crate::number::Cells::multiply_strip`]; the processor must have ", $features, ".")]
        #[expect(unsafe_code, reason = "works on pointers")]
        #[target_feature(enable = $features)]
        pub(crate) unsafe fn multiply_strip(strip: Strip<'_>) {
            // SAFETY: passed on to the caller.
            unsafe {
                match strip.across {
                    $($lines => rows::<$rows, $lines>(strip),)*
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
                        // A line past the last column has no place in the destination.
                        if columns > 0 {
                            store(strip.destination.at(row + i, j * LANES), *sum, columns);
                        }
                    }
                }
            }
        }
    };
}

/// Declares `store` over the `round` to bf16 of the module it stands in, compiled for `features`.
macro_rules! stores {
    ($features:literal) => {
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

pub(crate) use {stores, strips};
