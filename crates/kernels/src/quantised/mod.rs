//! Frozen weights kept quantised: the blocks of GGUF files, 32 numbers with a common scale, woven so that
//! one load brings the numbers of sixteen rows. Nothing is lost or rounded by that.

mod blocks;
mod few_rows;
mod half;
mod pack;
mod tile;
mod view;

pub(crate) use few_rows::add_few_rows;
pub(crate) use pack::{pack_columns, pack_rows};
pub use view::QuantisedView;

use rayon::prelude::*;

use crate::product::pack::{LANES, Line};
use blocks::quantise_blocks;
use tile::{Block, Tile};

/// Numbers along a row that share a scale.
pub const BLOCK: usize = 32;

/// How the numbers of a block are written. The weight is `scale * number`, plus the block's minimum where
/// it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 4 bits, -8..8; 18 bytes a block.
    Q4_0,
    /// 4 bits, 0..16, above a minimum; 20 bytes a block.
    Q4_1,
    /// 8 bits, -128..128; 34 bytes a block.
    Q8_0,
}

impl Format {
    /// Bytes of a block in a GGUF file.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q8_0 => 34,
        }
    }

    /// Bits of a number, which is also the number of lines that a block of sixteen rows takes.
    fn bits(self) -> usize {
        if self == Self::Q8_0 { 8 } else { 4 }
    }

    /// Bytes before the numbers of a block: scale and minimum, two each.
    fn header_bytes(self) -> usize {
        if self == Self::Q4_1 { 4 } else { 2 }
    }
}

/// Why numbers cannot be quantised, or blocks not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantiseError {
    /// Rows are whole blocks.
    PartOfABlock {
        /// Numbers in a row.
        cols: usize,
    },
    /// The data is not as long as the shape says.
    Length {
        /// What the shape asks for.
        expected: usize,
        /// What there is.
        found: usize,
    },
    /// A number, a scale or a minimum that is infinite or not a number.
    NotFinite {
        /// The row it is in.
        row: usize,
    },
}

impl std::fmt::Display for QuantiseError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PartOfABlock { cols } => {
                write!(formatter, "rows of {cols} numbers are not whole blocks of {BLOCK}")
            }
            Self::Length { expected, found } => {
                write!(formatter, "the shape asks for {expected} values and there are {found}")
            }
            Self::NotFinite { row } => {
                write!(formatter, "row {row} has numbers that are not finite, or too large for the format")
            }
        }
    }
}

impl std::error::Error for QuantiseError {}

/// A `rows x cols` matrix of quantised blocks along its rows.
#[derive(Debug, Clone)]
pub struct QuantisedMatrix {
    format: Format,
    rows: usize,
    cols: usize,
    /// For each group of sixteen rows and each block of columns, as many lines as a number has bits. Lane
    /// `r` of a line belongs to row `r` of the group. Its low half holds even columns, its high half the
    /// odd ones after them; pair `s` of the line stands at bit `s * bits` of either half.
    lines: Vec<Line>,
    /// f16, for each group and block.
    scales: Vec<[u16; LANES]>,
    /// As the scales; empty where the format has none.
    minima: Vec<[u16; LANES]>,
}

impl QuantisedMatrix {
    /// Quantises `values`, row-major `[rows, cols]`, as llama.cpp's reference does.
    ///
    /// # Errors
    /// Where rows are not whole blocks, or a number is not finite or too large for a scale in f16.
    pub fn quantise(format: Format, values: &[f32], rows: usize, cols: usize) -> Result<Self, QuantiseError> {
        if values.len() != rows * cols {
            return Err(QuantiseError::Length { expected: rows * cols, found: values.len() });
        }
        if !cols.is_multiple_of(BLOCK) {
            return Err(QuantiseError::PartOfABlock { cols });
        }
        // A NaN would come out of rounding as an ordinary number.
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(QuantiseError::NotFinite { row: index / cols });
        }
        Self::from_blocks(format, &quantise_blocks(format, values), rows, cols)
    }

    /// Bytes that it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.lines[..]) + size_of_val(&self.scales[..]) + size_of_val(&self.minima[..])
    }

    /// How its numbers are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All of it.
    pub fn view(&self) -> QuantisedView<'_> {
        QuantisedView::new(self)
    }

    /// One row, `cols` long, in f32: `scale * number + minimum`, rounded once.
    pub fn dequantise_row(&self, row: usize, values: &mut [f32]) {
        assert!(row < self.rows && values.len() == self.cols, "row of the matrix");
        let mut tile = Tile::default();
        for (block, values) in values.chunks_mut(BLOCK).enumerate() {
            tile.decode(self.block(row / LANES, block));
            for (value, column) in values.iter_mut().zip(&tile.columns) {
                *value = column[row % LANES];
            }
        }
    }

    /// All of it in f32, row-major.
    pub fn dequantise(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.cols];
        self.dequantise_rows(0, &mut values);
        values
    }

    /// Whole rows in f32 from `first` on, a multiple of 16, as many as `values` is long.
    pub fn dequantise_rows(&self, first: usize, values: &mut [f32]) {
        let whole = first.is_multiple_of(LANES) && values.len().is_multiple_of(self.cols.max(1));
        assert!(whole && first * self.cols + values.len() <= self.rows * self.cols, "rows of the matrix");
        let groups = values.par_chunks_mut((LANES * self.cols).max(1)).enumerate();
        groups.for_each_init(Tile::default, |tile, (group, rows)| {
            for block in 0..self.blocks() {
                tile.decode(self.block(first / LANES + group, block));
                for (lane, row) in rows.chunks_mut(self.cols).enumerate() {
                    for (value, column) in row[block * BLOCK..].iter_mut().zip(&tile.columns) {
                        *value = column[lane];
                    }
                }
            }
        });
    }

    /// Blocks in a row.
    fn blocks(&self) -> usize {
        self.cols / BLOCK
    }

    /// The blocks of sixteen rows at one place.
    fn block(&self, group: usize, block: usize) -> Block<'_> {
        let index = group * self.blocks() + block;
        let bits = self.format.bits();
        Block {
            format: self.format,
            lines: &self.lines[index * bits..][..bits],
            scales: &self.scales[index],
            minima: self.minima.get(index),
        }
    }
}
