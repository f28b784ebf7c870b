//! A linear layer with what training adds to it.
//! LoRA: y = x Wᵀ + b + s · drop(x) Aᵀ Bᵀ.
//! DoRA (Liu et al. 2024), as PEFT computes it: y = (x - drop(x)) Wᵀ + b + g · (drop(x) Wᵀ + s · drop(x) Aᵀ Bᵀ),
//! with g = magnitude / ‖W + s · B A‖ row by row of the weight, so that without dropout the sum is g · (W + s B A) x.

use candle_core::Tensor;

use super::placement::Placement;
use super::weights::WeightSource;
use super::{BackendError, Pass, frozen};
use crate::adapter::TargetModule;
use crate::backend::dropout::mask;
use crate::config::ModelConfig;

pub(super) struct Linear {
    layer: usize,
    module: TargetModule,
    /// `[output, input]`.
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    pub(super) fn new(
        config: &ModelConfig,
        (layer, module): (usize, TargetModule),
        weights: &WeightSource<'_>,
    ) -> Result<Self, BackendError> {
        let path = format!("model.layers.{layer}.{}", module.path());
        let has_bias = config.has_bias(&module.path());
        let bias = if has_bias { Some(weights.take(&format!("{path}.bias"))?) } else { None };
        Ok(Self { layer, module, weight: weights.take(&format!("{path}.weight"))?, bias })
    }

    /// `[rows, input]` gives `[rows, output]`.
    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Tensor> {
        let mut output = frozen::project(x, &self.weight)?;
        let Some(lora) = pass.lora.of_module(self.module) else { return self.add_bias(&output) };
        let dropped = self.drop(x, pass)?;
        let update = lora.forward(dropped.as_ref().unwrap_or(x))?;
        let Some(factors) = lora.factors(&self.weight)? else { return self.add_bias(&output)? + update };
        output = match dropped {
            Some(dropped) => {
                let thinned = frozen::project(&dropped, &self.weight)?;
                ((output - &thinned)? + (thinned + update)?.broadcast_mul(&factors)?)?
            }
            None => (output + update)?.broadcast_mul(&factors)?,
        };
        self.add_bias(&output)
    }

    fn add_bias(&self, output: &Tensor) -> candle_core::Result<Tensor> {
        self.bias.as_ref().map_or_else(|| Ok(output.clone()), |bias| frozen::add(output, bias))
    }

    /// The input after dropout; `None` without dropout.
    fn drop(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Option<Tensor>> {
        let Some(dropout) = pass.rows.dropout else {
            return Ok(None);
        };
        let mut factors = vec![0.0; x.elem_count()];
        let mask = mask(dropout, self.layer, self.module);
        mask.apply(&vec![mask.keep_scale(); x.elem_count()], &mut factors);
        frozen::multiply(x, &Placement::of(x).tensor(factors, x.shape())?).map(Some)
    }
}
