//! The SwiGLU feed-forward block (Shazeer 2020): down(silu(gate(x)) · up(x)).

use candle_core::Tensor;

use super::linear::Linear;
use super::weights::WeightSource;
use super::{BackendError, Pass};
use crate::adapter::TargetModule;
use crate::config::ModelConfig;

pub(super) struct FeedForward {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl FeedForward {
    pub(super) fn new(
        config: &ModelConfig,
        layer: usize,
        weights: &WeightSource<'_>,
    ) -> Result<Self, BackendError> {
        let linear = |module| Linear::new(config, (layer, module), weights);
        Ok(Self {
            gate: linear(TargetModule::GateProj)?,
            up: linear(TargetModule::UpProj)?,
            down: linear(TargetModule::DownProj)?,
        })
    }

    /// `[rows, hidden]` gives `[rows, hidden]`.
    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Tensor> {
        let activated = (self.gate.forward(x, pass)?.silu()? * self.up.forward(x, pass)?)?;
        self.down.forward(&activated, pass)
    }
}
