//! How the frozen weights of the base model are kept in memory.

use gradus_kernels::quantised::{BLOCK, Format, QuantisedMatrix};
use gradus_kernels::{Matrix, Number, Weight};
use serde::{Deserialize, Serialize};

use crate::backend::BackendError;
use crate::files::{Stored, Tensor, Weights};

/// How the frozen weights are kept in memory. Quantised ones are dequantised a tile at a time, so that
/// training on them is QLoRA (Dettmers et al. 2023).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseWeights {
    /// Quantised where the file is (Q4_0, Q4_1 and Q8_0 of GGUF), without loss; otherwise as [`Self::Full`].
    #[default]
    AsStored,
    /// Every number by itself, in the precision that is computed in.
    Full,
    /// 8 bits (Q8_0), or fewer where the file has fewer.
    Q8,
    /// 4 bits (Q4_0 where the file has it, otherwise Q4_1); embedding and output projection in 8 bits.
    Q4,
}

/// What a weight is used for: errors of the embedding and of the output projection weigh more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Linear,
    Vocabulary,
}

impl BaseWeights {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AsStored, Self::Full, Self::Q8, Self::Q4];

    /// The name it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::AsStored => "as-stored",
            Self::Full => "full",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }

    /// Takes a weight, `[out, in]`.
    pub(super) fn take<N: Number>(
        self,
        weights: &mut Weights,
        name: &str,
        purpose: Use,
    ) -> Result<Weight<N>, BackendError> {
        if self == Self::Full {
            return Ok(dense(&weights.take(name)?));
        }
        match weights.take_as_stored(name)? {
            Stored::Quantised(matrix) if self.keeps(matrix.format(), purpose) => {
                Ok(Weight::Quantised(matrix))
            }
            Stored::Quantised(matrix) => {
                let shape = vec![matrix.rows(), matrix.cols()];
                self.convert(&Tensor { data: matrix.dequantise(), shape }, name, purpose)
            }
            Stored::Single(tensor) => self.convert(&tensor, name, purpose),
        }
    }

    /// The numbers that a tensor is computed with, row-major: those of the file, rounded as the weight is kept.
    pub(crate) fn values(self, weights: &mut Weights, name: &str) -> Result<Vec<f32>, BackendError> {
        if weights.shape(name).is_none_or(|shape| shape.len() != 2) {
            return Ok(weights.take(name)?.data);
        }
        let purpose = if name.starts_with("model.layers.") { Use::Linear } else { Use::Vocabulary };
        Ok(match self.take::<f32>(weights, name, purpose)? {
            Weight::Dense(matrix) => matrix.into_buffer(),
            Weight::Quantised(matrix) => matrix.dequantise(),
        })
    }

    fn keeps(self, format: Format, purpose: Use) -> bool {
        self != Self::Q4 || format != Format::Q8_0 || purpose == Use::Vocabulary
    }

    fn convert<N: Number>(
        self,
        tensor: &Tensor,
        name: &str,
        purpose: Use,
    ) -> Result<Weight<N>, BackendError> {
        let format = match (self, purpose) {
            (Self::AsStored | Self::Full, _) => return Ok(dense(tensor)),
            (Self::Q4, Use::Linear) => Format::Q4_1,
            (Self::Q8 | Self::Q4, _) => Format::Q8_0,
        };
        let (rows, cols) = (tensor.shape[0], tensor.shape[1]);
        if !cols.is_multiple_of(BLOCK) {
            return Ok(dense(tensor));
        }
        let quantised = QuantisedMatrix::quantise(format, &tensor.data, rows, cols);
        let refused = |source| BackendError::Quantise { tensor: name.to_owned(), source };
        quantised.map(Weight::Quantised).map_err(refused)
    }
}

fn dense<N: Number>(tensor: &Tensor) -> Weight<N> {
    Weight::Dense(Matrix::from_f32(&tensor.data, tensor.shape[0], tensor.shape[1]))
}
