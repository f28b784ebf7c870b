//! How the tensors of a GGUF file are stored: the type asked for, or what llama.cpp uses in its place.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use crate::export::drift::Drift;

/// The type of most matrices in a GGUF file. The output projection is kept more exactly and norms are
/// kept as f32, as llama.cpp does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GgufType {
    /// 32 bits a weight: as trained.
    F32,
    /// 16 bits, rounded to 11 significant ones; weights beyond ±65504 do not fit.
    F16,
    /// 16 bits, rounded to 8 significant ones.
    Bf16,
    /// 8.5 bits, in blocks of 32.
    Q8_0,
    /// 6.6 bits, in blocks of 256.
    Q6K,
    /// 5.5 bits, in blocks of 256.
    Q5K,
    /// 4.5 bits, in blocks of 256.
    Q4K,
    /// 5 bits, in blocks of 32 with a minimum each.
    Q4_1,
    /// 4.5 bits, in blocks of 32.
    Q4_0,
}

impl GgufType {
    /// What an export may differ by.
    ///
    /// Two to ten times what an export of a trained SmolLM2-135M differs by (docs/parity.md), a small
    /// model that suffers more from rounding than larger ones. Beyond that, little of what training
    /// changed is left: rounding to the four bits that the base model was rounded to undoes it.
    #[must_use]
    pub fn tolerance(self) -> Drift {
        let (mean, largest) = match self {
            Self::F32 => (1e-3, 1e-3),
            Self::F16 => (0.03, 0.3),
            Self::Bf16 => (0.1, 1.0),
            Self::Q8_0 => (0.25, 2.5),
            Self::Q6K => (0.5, 5.0),
            Self::Q5K | Self::Q4K | Self::Q4_1 | Self::Q4_0 => (1.0, 10.0),
        };
        Drift { mean, largest }
    }

    /// As llama.cpp numbers whole files.
    pub(super) fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q8_0 => 7,
            Self::Q4K => 14,
            Self::Q5K => 16,
            Self::Q6K => 18,
            Self::Bf16 => 32,
        }
    }

    fn blocks(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::Bf16 => GgmlDType::BF16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q6K => GgmlDType::Q6K,
            Self::Q5K => GgmlDType::Q5K,
            Self::Q4K => GgmlDType::Q4K,
            Self::Q4_1 => GgmlDType::Q4_1,
            Self::Q4_0 => GgmlDType::Q4_0,
        }
    }

    /// The blocks of a tensor whose rows are long enough. `is_output` marks the output projection (the
    /// embedding table where that is the same matrix), which llama.cpp never stores below 6 bits.
    pub(super) fn wanted(self, shape: &[usize], is_output: bool) -> GgmlDType {
        match self.blocks() {
            _ if shape.len() < 2 => GgmlDType::F32,
            exact @ (GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 | GgmlDType::Q8_0) => exact,
            _ if is_output => GgmlDType::Q6K,
            blocks => blocks,
        }
    }
}

/// The blocks that rows of that width are stored in.
pub(super) fn fitting(wanted: GgmlDType, shape: &[usize]) -> GgmlDType {
    let width = shape.last().copied().unwrap_or(1);
    let fits = |blocks: &GgmlDType| width.is_multiple_of(blocks.block_size());
    [wanted, in_place_of(wanted)].into_iter().find(fits).unwrap_or(GgmlDType::F16)
}

/// What llama.cpp stores rows in that are no whole blocks of 256.
fn in_place_of(blocks: GgmlDType) -> GgmlDType {
    match blocks {
        GgmlDType::Q4K => GgmlDType::Q5_0,
        GgmlDType::Q5K => GgmlDType::Q5_1,
        GgmlDType::Q6K => GgmlDType::Q8_0,
        _ => GgmlDType::F16,
    }
}

/// The number that stands for a type in the file.
pub(super) fn number(blocks: GgmlDType) -> u32 {
    match blocks {
        GgmlDType::F32 => 0,
        GgmlDType::F16 => 1,
        GgmlDType::Q4_0 => 2,
        GgmlDType::Q4_1 => 3,
        GgmlDType::Q5_0 => 6,
        GgmlDType::Q5_1 => 7,
        GgmlDType::Q8_0 => 8,
        GgmlDType::Q8_1 => 9,
        GgmlDType::Q2K => 10,
        GgmlDType::Q3K => 11,
        GgmlDType::Q4K => 12,
        GgmlDType::Q5K => 13,
        GgmlDType::Q6K => 14,
        GgmlDType::Q8K => 15,
        GgmlDType::BF16 => 30,
    }
}

/// The name that people know a type by: `q8_0`, `q4_k`, `bf16`.
pub(super) fn name(blocks: GgmlDType) -> String {
    let name = format!("{blocks:?}").to_lowercase();
    name.strip_suffix('k').map_or(name.clone(), |bits| format!("{bits}_k"))
}

/// Bytes of so many values, which fill whole blocks.
pub(super) fn byte_length(blocks: GgmlDType, values: usize) -> usize {
    values / blocks.block_size() * blocks.type_size()
}

/// Whole rows as they stand in the file.
pub(super) fn encode(blocks: GgmlDType, values: &[f32]) -> candle_core::Result<Vec<u8>> {
    Ok(match blocks {
        GgmlDType::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        GgmlDType::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        GgmlDType::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        _ => {
            let values = Tensor::from_slice(values, values.len(), &Device::Cpu)?;
            QTensor::quantize(&values, blocks)?.data()?.into_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_no_whole_blocks_are_stored_as_llama_cpp_does() {
        let stored = |kind: GgufType, width| fitting(kind.wanted(&[8, width], false), &[8, width]);
        assert_eq!(stored(GgufType::Q4K, 1536), GgmlDType::Q4K);
        assert_eq!(stored(GgufType::Q4K, 576), GgmlDType::Q5_0);
        assert_eq!(stored(GgufType::Q5K, 576), GgmlDType::Q5_1);
        assert_eq!(stored(GgufType::Q6K, 576), GgmlDType::Q8_0);
        assert_eq!(stored(GgufType::Q4_1, 576), GgmlDType::Q4_1);
        assert_eq!(stored(GgufType::Q8_0, 40), GgmlDType::F16);
        assert_eq!(stored(GgufType::Q4K, 40), GgmlDType::F16);
        assert_eq!(GgufType::Q4K.wanted(&[576], false), GgmlDType::F32);
    }

    #[test]
    fn the_output_projection_is_kept_in_six_bits_or_more() {
        let stored = |kind: GgufType, width| fitting(kind.wanted(&[8, width], true), &[8, width]);
        assert_eq!(stored(GgufType::Q4K, 512), GgmlDType::Q6K);
        assert_eq!(stored(GgufType::Q4_0, 576), GgmlDType::Q8_0);
        assert_eq!(stored(GgufType::F16, 576), GgmlDType::F16);
    }

    #[test]
    fn types_are_named_as_llama_cpp_names_them() {
        let names = [GgmlDType::Q4K, GgmlDType::Q8_0, GgmlDType::BF16].map(name);
        assert_eq!(names, ["q4_k", "q8_0", "bf16"]);
    }

    #[test]
    fn encoded_rows_have_the_announced_length() {
        let values = vec![0.5; 512];
        for blocks in [GgmlDType::F32, GgmlDType::F16, GgmlDType::BF16, GgmlDType::Q5_0, GgmlDType::Q4K] {
            assert_eq!(encode(blocks, &values).unwrap().len(), byte_length(blocks, 512), "{blocks:?}");
        }
    }
}
