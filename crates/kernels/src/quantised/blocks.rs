//! Blocks as GGUF files hold them, from numbers and into matrices.

use super::{BLOCK, Format, QuantiseError, QuantisedMatrix, half};
use crate::product::pack::{LANES, Line};

/// The blocks of `values`, a multiple of [`BLOCK`], rounded as the reference of ggml does
/// (`quantize_row_q4_0_ref` and its siblings in `ggml-quants.c`).
pub(super) fn quantise_blocks(format: Format, values: &[f32]) -> Vec<u8> {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    assert!(rest.is_empty(), "whole blocks");
    let mut bytes = Vec::with_capacity(blocks.len() * format.block_bytes());
    for block in blocks {
        match format {
            Format::Q4_0 => q4_0(block, &mut bytes),
            Format::Q4_1 => q4_1(block, &mut bytes),
            Format::Q8_0 => q8_0(block, &mut bytes),
        }
    }
    bytes
}

fn q4_0(block: &[f32; BLOCK], bytes: &mut Vec<u8>) {
    let largest =
        block.iter().fold(0.0_f32, |best, value| if value.abs() > best.abs() { *value } else { best });
    let scale = largest / -8.0;
    let inverse = inverse(scale);
    bytes.extend(half::round(scale).to_le_bytes());
    push_nibbles(block.map(|value| ((value * inverse + 8.5) as u8).min(15)), bytes);
}

fn q4_1(block: &[f32; BLOCK], bytes: &mut Vec<u8>) {
    let lowest = block.iter().copied().fold(f32::MAX, f32::min);
    let highest = block.iter().copied().fold(-f32::MAX, f32::max);
    let scale = (highest - lowest) / 15.0;
    let inverse = inverse(scale);
    bytes.extend(half::round(scale).to_le_bytes());
    bytes.extend(half::round(lowest).to_le_bytes());
    push_nibbles(block.map(|value| (((value - lowest) * inverse + 0.5) as u8).min(15)), bytes);
}

fn q8_0(block: &[f32; BLOCK], bytes: &mut Vec<u8>) {
    let scale = block.iter().fold(0.0_f32, |best, value| best.max(value.abs())) / 127.0;
    let inverse = inverse(scale);
    bytes.extend(half::round(scale).to_le_bytes());
    bytes.extend(block.map(|value| (value * inverse).round() as i8 as u8));
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// The first half of a block goes into the low nibbles, the second into the high ones.
fn push_nibbles(numbers: [u8; BLOCK], bytes: &mut Vec<u8>) {
    let (low, high) = numbers.split_at(BLOCK / 2);
    bytes.extend(low.iter().zip(high).map(|(low, high)| low | high << 4));
}

impl QuantisedMatrix {
    /// A matrix from the blocks of a GGUF file, row by row. The numbers are the file's own.
    ///
    /// # Errors
    /// Where rows are not whole blocks, `bytes` has another length, or a scale is not finite.
    pub fn from_blocks(
        format: Format,
        bytes: &[u8],
        rows: usize,
        cols: usize,
    ) -> Result<Self, QuantiseError> {
        if !cols.is_multiple_of(BLOCK) {
            return Err(QuantiseError::PartOfABlock { cols });
        }
        let (blocks, groups) = (cols / BLOCK, rows.div_ceil(LANES));
        let expected = rows * blocks * format.block_bytes();
        if bytes.len() != expected {
            return Err(QuantiseError::Length { expected, found: bytes.len() });
        }
        let minima = if format == Format::Q4_1 { groups * blocks } else { 0 };
        let mut matrix = Self {
            format,
            rows,
            cols,
            lines: vec![Line::ZERO; groups * blocks * format.bits()],
            scales: vec![[0; LANES]; groups * blocks],
            minima: vec![[0; LANES]; minima],
        };
        for (index, bytes) in bytes.chunks_exact(format.block_bytes()).enumerate() {
            let (row, block) = (index / blocks, index % blocks);
            matrix.weave(bytes, row, block)?;
        }
        Ok(matrix)
    }

    /// Puts one block of a file into its lane.
    fn weave(&mut self, bytes: &[u8], row: usize, block: usize) -> Result<(), QuantiseError> {
        let (index, lane) = (row / LANES * self.blocks() + block, row % LANES);
        let (header, numbers) = bytes.split_at(self.format.header_bytes());
        let halves: Vec<u16> = header.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        if !halves.iter().all(|half| half::is_finite(*half)) {
            return Err(QuantiseError::NotFinite { row });
        }
        self.scales[index][lane] = halves[0];
        if let (Some(minima), Some(minimum)) = (self.minima.get_mut(index), halves.get(1)) {
            minima[lane] = *minimum;
        }
        let bits = self.format.bits();
        let lines = &mut self.lines[index * bits..][..bits];
        for col in 0..BLOCK {
            let number = match bits {
                8 => numbers[col],
                _ => numbers[col % (BLOCK / 2)] >> (col / (BLOCK / 2) * 4) & 15,
            };
            let (pair, in_pair) = (col / 2, col % 2);
            let (line, place) = (pair * bits / 16, pair % (16 / bits));
            lines[line].0[lane] |= u32::from(number) << (place * bits + 16 * in_pair);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_file_are_read_as_their_definition_says() {
        // 1.0 and -2.0 in f16; numbers 0..32, nibbles 0..16 in both halves.
        let (one, minus_two) = ([0x00, 0x3C], [0x00, 0xC0]);
        let nibbles: Vec<u8> = (0..16).map(|i| i | (15 - i) << 4).collect();
        let row = |format, bytes: Vec<u8>| {
            QuantisedMatrix::from_blocks(format, &bytes, 1, BLOCK).unwrap().dequantise()
        };
        let up_and_down = |offset: f32| -> Vec<f32> {
            (0..16).chain((0..16).rev()).map(|number| number as f32 + offset).collect()
        };
        let q4_0 = [&one[..], &nibbles].concat();
        assert_eq!(row(Format::Q4_0, q4_0), up_and_down(-8.0));
        let q4_1 = [&one[..], &minus_two, &nibbles].concat();
        assert_eq!(row(Format::Q4_1, q4_1), up_and_down(-2.0));
        let bytes: Vec<u8> = (-128..128_i32).step_by(8).map(|number| number as i8 as u8).collect();
        let expected: Vec<f32> = (-128..128_i32).step_by(8).map(|number| number as f32 * -2.0).collect();
        assert_eq!(row(Format::Q8_0, [&minus_two[..], &bytes].concat()), expected);
    }

    #[test]
    fn what_is_not_whole_or_not_finite_is_refused() {
        let from = QuantisedMatrix::from_blocks;
        assert_eq!(from(Format::Q8_0, &[], 1, 33).unwrap_err(), QuantiseError::PartOfABlock { cols: 33 });
        let short = QuantiseError::Length { expected: 40, found: 39 };
        assert_eq!(from(Format::Q4_1, &[0; 39], 2, BLOCK).unwrap_err(), short);
        let mut bytes = vec![0; 3 * 18];
        bytes[2 * 18 + 1] = 0x7C;
        assert_eq!(from(Format::Q4_0, &bytes, 3, BLOCK).unwrap_err(), QuantiseError::NotFinite { row: 2 });
        for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = [1.0; 3 * BLOCK];
                values[BLOCK + 7] = value;
                let refused = QuantisedMatrix::quantise(format, &values, 3, BLOCK);
                assert_eq!(refused.unwrap_err(), QuantiseError::NotFinite { row: 1 }, "{format:?} {value}");
            }
        }
        let huge = QuantisedMatrix::quantise(Format::Q8_0, &[3e38; BLOCK], 1, BLOCK);
        assert_eq!(huge.unwrap_err(), QuantiseError::NotFinite { row: 0 });
    }

    #[test]
    fn quantised_numbers_are_within_half_a_step() {
        let values: Vec<f32> = (0..3 * 64).map(|i| ((i * 37 % 101) as f32 - 50.0) / 13.0).collect();
        for (format, steps) in [(Format::Q4_0, 16.0), (Format::Q4_1, 15.0), (Format::Q8_0, 254.0)] {
            let got = QuantisedMatrix::quantise(format, &values, 3, 64).unwrap().dequantise();
            for (block, (got, values)) in got.chunks(BLOCK).zip(values.chunks(BLOCK)).enumerate() {
                let largest = values.iter().fold(0.0_f32, |best, value| best.max(value.abs()));
                let range = 2.0 * largest / steps;
                // Of -8..8 the end that the sign leaves out may be a whole step away.
                let bound = if format == Format::Q4_0 { 1.01 } else { 0.51 } * range + 2e-3;
                for (got, value) in got.iter().zip(values) {
                    assert!((got - value).abs() <= bound, "{format:?} {block}: {got} {value}");
                }
            }
        }
    }

    #[test]
    fn rows_alone_are_those_of_the_whole() {
        let values: Vec<f32> = (0..35 * 96).map(|i| (i as f32 * 0.7).sin()).collect();
        for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
            let matrix = QuantisedMatrix::quantise(format, &values, 35, 96).unwrap();
            let all = matrix.dequantise();
            let mut row = vec![0.0; 96];
            for index in [0, 15, 16, 34] {
                matrix.dequantise_row(index, &mut row);
                assert_eq!(row, all[index * 96..][..96]);
            }
            for (first, rows) in [(0, 3), (16, 16), (16, 19), (32, 3), (32, 0)] {
                let mut some = vec![0.0; rows * 96];
                matrix.dequantise_rows(first, &mut some);
                assert_eq!(some, all[first * 96..][..rows * 96]);
            }
        }
    }
}
