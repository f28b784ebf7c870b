//! Holds instructions that cannot be tried on every machine against the reference, before they are used.

use super::portable;
use crate::bf16::Bf16;
use crate::number::Number;
use crate::product::pack::{LANES, Line};
use crate::product::strip::{Destination, DestinationKind, LeftCells, Strip};

/// Computes a [`Strip`].
pub(super) type MultiplyStrip = unsafe fn(Strip<'_>);

/// Rows and columns that are no multiples of anything, and two terms: rows of pairs, then columns.
const ROWS: usize = 45;
const TERMS: [usize; 2] = [40, 21];

/// Whether `multiply` gives exactly what the reference does. The numbers are small integers, so that every
/// sum is exact in whatever order it is taken.
pub(super) fn agrees_with_reference(multiply: MultiplyStrip) -> bool {
    [(45, 55), (13, 33), (32, 16), (16, 64)]
        .into_iter()
        .all(|(rows, width)| results(multiply, rows, width) == results(portable::multiply_strip, rows, width))
}

/// What a product overwrites, is added to, and is rounded to.
fn results(multiply: MultiplyStrip, rows: usize, width: usize) -> (Vec<f32>, Vec<f32>, Vec<u16>) {
    let [by_rows, by_columns] = TERMS;
    let (first, second) = (pairs(ROWS * by_rows, 3), pairs(by_columns * ROWS, 5));
    let left = [
        LeftCells { start: first.as_ptr(), row_stride: by_rows, cell_stride: 1, cells: by_rows },
        LeftCells { start: second.as_ptr(), row_stride: 1, cell_stride: ROWS, cells: by_columns },
    ];
    let across = width.div_ceil(LANES);
    let right = pairs((by_rows + by_columns) * across * LANES, 7);
    let panel: Vec<Line> =
        right.chunks_exact(LANES).map(|line| Line(std::array::from_fn(|lane| line[lane]))).collect();
    let size = ROWS * width;
    let (mut over, mut added, mut rounded) = (vec![9.0; size], vec![9.0; size], vec![9; size]);
    for kind in [
        DestinationKind::Overwrite(over.as_mut_ptr()),
        DestinationKind::Add(added.as_mut_ptr()),
        DestinationKind::Round(rounded.as_mut_ptr()),
    ] {
        let destination = Destination { kind, row_stride: width };
        let strip = Strip { left: &left, rows, panel: &panel, across, width, destination };
        // SAFETY: both left operands have `ROWS` rows, the panel was made for them, and the destinations
        // hold `ROWS x width` elements; whoever passes a function has the instructions it uses.
        #[expect(unsafe_code, reason = "calls a function over pointers")]
        unsafe {
            multiply(strip);
        }
    }
    (over, added, rounded)
}

/// Pairs of integers from -8 to 8.
fn pairs(count: usize, seed: u32) -> Vec<u32> {
    let mut state = seed;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u32::from(Bf16::from_f32((state >> 16) as f32 % 17.0 - 8.0).0)
    };
    (0..count).map(|_| number() | number() << 16).collect()
}

#[cfg(test)]
mod tests {
    use super::super::multiply_strip;
    use super::*;
    use crate::cpu::{Level, with_level};

    #[test]
    fn every_level_agrees_with_the_reference() {
        for level in Level::ALL.into_iter().filter(|level| level.is_supported()) {
            assert!(with_level(level, || agrees_with_reference(multiply_strip)), "{level:?}");
        }
    }

    #[test]
    fn one_wrong_element_is_noticed() {
        #[expect(unsafe_code, reason = "has the signature of a kernel")]
        unsafe fn wrong(strip: Strip<'_>) {
            // SAFETY: passed on to the caller.
            unsafe {
                portable::multiply_strip(strip);
                if let DestinationKind::Round(to) = strip.destination.at(strip.rows - 1, strip.width - 1).kind
                {
                    *to ^= 1;
                }
            }
        }
        assert!(!agrees_with_reference(wrong));
    }
}
