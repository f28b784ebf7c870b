//! Quantised right operands into the panels that tiles read: dequantised and rounded on the way, so that
//! no copy of the weights is ever made.

#[cfg(target_arch = "x86_64")]
mod avx512_bf16;

use super::tile::{Block, Tile};
use super::{BLOCK, QuantisedView};
use crate::matrix::View;
use crate::number::Number;
use crate::product::multiplies_pairs;
use crate::product::pack::{LANES, Line, transpose_rows};
use crate::simd::vectorised;

/// Cells of a block of sixteen rows: a line for each `PER_CELL` columns whose lanes are rows, or two lines
/// for each `PER_CELL` rows whose lanes are columns.
type Woven = [Line; BLOCK];

/// Rows of the view become columns of the panel: for each cell of its columns `across` lines.
pub(crate) fn pack_rows<N: Number>(view: QuantisedView<'_>, across: usize, lines: &mut [Line]) {
    let cells = BLOCK / N::PER_CELL;
    assert!(view.groups() == across && lines.len() == view.blocks() * cells * across, "panel size");
    let mut woven = [Line::ZERO; BLOCK];
    for group in 0..across {
        for block in 0..view.blocks() {
            by_row_lanes::<N>(view.block(group, block), &mut woven);
            for (cell, line) in woven[..cells].iter().enumerate() {
                lines[(block * cells + cell) * across + group] = *line;
            }
        }
    }
}

/// Columns of the view stay columns, those from `first` (a multiple of 16) on: for each cell of its rows
/// `across` lines of sixteen columns.
pub(crate) fn pack_columns<N: Number>(
    view: QuantisedView<'_>,
    first: usize,
    across: usize,
    lines: &mut [Line],
) {
    assert!(first + across * LANES <= view.cols, "columns of the view");
    assert_eq!(lines.len(), view.rows.div_ceil(N::PER_CELL) * across, "panel size");
    let (start, end) = (first / LANES, first / LANES + across);
    let mut woven = [Line::ZERO; BLOCK];
    for (group, lines) in lines.chunks_mut(LANES / N::PER_CELL * across).enumerate() {
        for block in start / 2..end.div_ceil(2) {
            by_column_lanes::<N>(view.block(group, block), &mut woven);
            let halves = (2 * block).max(start)..(2 * block + 2).min(end);
            for (cell, lines) in lines.chunks_mut(across).enumerate() {
                for half in halves.clone() {
                    lines[half - start] = woven[2 * cell + half % 2];
                }
            }
        }
    }
}

fn by_row_lanes<N: Number>(block: Block<'_>, woven: &mut Woven) {
    #[cfg(target_arch = "x86_64")]
    if multiplies_pairs::<N>() {
        // SAFETY: the level says that the processor has AVX-512 with BF16.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
        return unsafe { avx512_bf16::by_row_lanes(block, woven) };
    }
    let mut tile = Tile::default();
    tile.decode(block);
    weave_columns::<N>(&tile, woven);
}

fn by_column_lanes<N: Number>(block: Block<'_>, woven: &mut Woven) {
    #[cfg(target_arch = "x86_64")]
    if multiplies_pairs::<N>() {
        // SAFETY: the level says that the processor has AVX-512 with BF16.
        #[expect(unsafe_code, reason = "calls a function compiled for AVX-512")]
        return unsafe { avx512_bf16::by_column_lanes(block, woven) };
    }
    let mut tile = Tile::default();
    tile.decode(block);
    weave_rows::<N>(&tile, woven);
}

vectorised! {
    fn weave_pairs_of_columns<N: Number>(tile: &Tile, woven: &mut Woven) {
        for (line, columns) in woven.iter_mut().zip(tile.columns.chunks(N::PER_CELL)) {
            for (lane, to) in line.0.iter_mut().enumerate() {
                *to = cell::<N>(|index| columns[index][lane]);
            }
        }
    }

    fn weave_pairs_of_rows<N: Number>(tile: &Tile, woven: &mut Woven) {
        for (index, lines) in woven.chunks_mut(2).take(LANES / N::PER_CELL).enumerate() {
            for (line, columns) in lines.iter_mut().zip(tile.columns.as_chunks::<LANES>().0) {
                for (to, rows) in line.0.iter_mut().zip(columns) {
                    *to = cell::<N>(|row| rows[index * N::PER_CELL + row]);
                }
            }
        }
    }
}

/// For each cell of the tile's columns a line of sixteen rows.
fn weave_columns<N: Number>(tile: &Tile, woven: &mut Woven) {
    if N::PER_CELL > 1 {
        return weave_pairs_of_columns::<N>(tile, woven);
    }
    for (line, column) in woven.iter_mut().zip(&tile.columns) {
        for (to, value) in line.0.iter_mut().zip(column) {
            *to = value.to_bits();
        }
    }
}

/// For each cell of the tile's sixteen rows two lines of sixteen columns.
fn weave_rows<N: Number>(tile: &Tile, woven: &mut Woven) {
    if N::PER_CELL == 1 {
        let columns = View::new(tile.columns.as_flattened(), BLOCK, LANES);
        for half in 0..2 {
            transpose_rows(columns.rows(half * LANES..(half + 1) * LANES), woven, (half, 2));
        }
        return;
    }
    weave_pairs_of_rows::<N>(tile, woven);
}

/// The cell of the nearest numbers.
#[inline(always)]
fn cell<N: Number>(value: impl Fn(usize) -> f32) -> u32 {
    let mut numbers = [N::default(); 2];
    for (index, number) in numbers[..N::PER_CELL].iter_mut().enumerate() {
        *number = N::from_f32(value(index));
    }
    N::cell(&numbers[..N::PER_CELL])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;
    use crate::cpu::{Level, with_level};
    use crate::matrix::Matrix;
    use crate::product::Right;
    use crate::product::pack::pack_panel;
    use crate::quantised::{Format, QuantisedMatrix};
    use proptest::prelude::*;

    fn check<N: Number>(matrix: &QuantisedMatrix, panel: usize) {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let dense = Matrix::<N>::from_f32(&matrix.dequantise(), rows, cols);
        for first in (0..rows).step_by(panel) {
            let width = panel.min(rows - first);
            compare(Right::Rows(dense.view()), Right::QuantisedRows(matrix.view()), first, width);
        }
        for first in (0..cols).step_by(panel) {
            let width = panel.min(cols - first);
            compare(Right::Columns(dense.view()), Right::QuantisedColumns(matrix.view()), first, width);
        }
    }

    fn compare<N: Number>(dense: Right<'_, N>, quantised: Right<'_, N>, first: usize, width: usize) {
        let lines = dense.steps().div_ceil(N::PER_CELL) * width.div_ceil(LANES);
        let (mut expected, mut got) = (vec![Line::ZERO; lines], vec![Line([7; LANES]); lines]);
        pack_panel(dense, first, width, &mut expected);
        pack_panel(quantised, first, width, &mut got);
        let bits = |lines: &[Line]| lines.iter().map(|line| line.0).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&expected), "columns from {first}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn panels_are_those_of_the_dequantised_matrix_on_every_level(
            rows in 1usize..70, blocks in 1usize..5, lines in 1usize..5, seed in 1u32..1000,
        ) {
            let cols = blocks * BLOCK;
            let values: Vec<f32> =
                (0..rows * cols).map(|i| ((i as u32 * 31 * seed) % 997) as f32 / 400.0 - 1.2).collect();
            for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
                let matrix = QuantisedMatrix::quantise(format, &values, rows, cols).unwrap();
                for level in Level::ALL.into_iter().filter(|level| level.is_supported()) {
                    with_level(level, || check::<Bf16>(&matrix, lines * LANES));
                    with_level(level, || check::<f32>(&matrix, lines * LANES));
                }
            }
        }
    }
}
