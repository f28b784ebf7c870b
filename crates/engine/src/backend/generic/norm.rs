//! RMSNorm (Zhang and Sennrich 2019) over the last dimension, of primitive operations: candle's fused
//! one has no backward.

use candle_core::{D, Result, Tensor};

use super::frozen;

pub(super) struct RmsNorm {
    /// `[width]`.
    weight: Tensor,
    epsilon: f64,
}

impl RmsNorm {
    pub(super) fn new(weight: Tensor, epsilon: f64) -> Self {
        Self { weight, epsilon }
    }

    /// `x / sqrt(mean(x²) + ε) · weight`; `[.., width]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let root = (x.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        frozen::multiply(&x.broadcast_div(&root)?, &self.weight)
    }
}
