//! Rotary position embedding (Su et al. 2021) in the rotate-half layout of Hugging Face models, of
//! primitive operations: candle's fused one has no backward.

use candle_core::{D, Result, Tensor};

use super::frozen;
use super::placement::Placement;

/// Cosines and sines of the angles of some rows, `[rows, 1, head_dim / 2]` each.
pub(super) struct Rotation {
    cosines: Tensor,
    sines: Tensor,
}

impl Rotation {
    /// For rows at these positions; `frequencies` in radians a position, one for each pair of a head's
    /// dimensions.
    pub(super) fn new(frequencies: &[f32], positions: &[u32], placement: &Placement) -> Result<Self> {
        // Published models are trained with angles rounded to f32, whatever the rest is computed in.
        let angles = positions.iter().flat_map(|position| frequencies.iter().map(|f| *position as f32 * f));
        let (cosines, sines): (Vec<f64>, Vec<f64>) =
            angles.map(|angle| (f64::from(angle).cos(), f64::from(angle).sin())).unzip();
        let shape = (positions.len(), 1, frequencies.len());
        Ok(Self { cosines: placement.tensor(cosines, shape)?, sines: placement.tensor(sines, shape)? })
    }

    /// Rotates every head of `x`, `[rows, heads, head_dim]`.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let half = x.dim(D::Minus1)? / 2;
        let (first, second) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
        let rotated = [
            (frozen::multiply(&first, &self.cosines)? - frozen::multiply(&second, &self.sines)?)?,
            (frozen::multiply(&second, &self.cosines)? + frozen::multiply(&first, &self.sines)?)?,
        ];
        Tensor::cat(&rotated, D::Minus1)
    }
}
