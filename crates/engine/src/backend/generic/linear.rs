//! A frozen linear layer with an optional LoRA update: y = x Wᵀ + b + s · drop(x) Aᵀ Bᵀ.

use candle_core::Tensor;

use super::placement::Placement;
use super::weights::WeightTensors;
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
        weights: &mut WeightTensors,
    ) -> Result<Self, BackendError> {
        let path = format!("model.layers.{layer}.{}", module.path());
        let has_bias = config.attention_bias
            && matches!(module, TargetModule::QProj | TargetModule::KProj | TargetModule::VProj);
        let bias = if has_bias { Some(weights.take(&format!("{path}.bias"))?) } else { None };
        Ok(Self { layer, module, weight: weights.take(&format!("{path}.weight"))?, bias })
    }

    /// `[rows, input]` gives `[rows, output]`.
    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Tensor> {
        let mut output = frozen::project(x, &self.weight)?;
        if let Some(bias) = &self.bias {
            output = frozen::add(&output, bias)?;
        }
        match pass.lora.of_module(self.module) {
            Some(lora) => output + lora.forward(&self.drop(x, pass)?)?,
            None => Ok(output),
        }
    }

    fn drop(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Tensor> {
        let Some(dropout) = pass.rows.dropout else {
            return Ok(x.clone());
        };
        let mut factors = vec![0.0; x.elem_count()];
        let mask = mask(dropout, self.layer, self.module);
        mask.apply(&vec![mask.keep_scale(); x.elem_count()], &mut factors);
        frozen::multiply(x, &Placement::of(x).tensor(factors, x.shape())?)
    }
}
