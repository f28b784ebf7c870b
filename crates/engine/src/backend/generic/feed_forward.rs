//! The gated feed-forward block (Shazeer 2020): down(activation(gate(x)) · up(x)).

use candle_core::Tensor;

use super::linear::Linear;
use super::weights::WeightSource;
use super::{BackendError, Pass};
use crate::adapter::TargetModule;
use crate::config::{Activation, ModelConfig};

pub(super) struct FeedForward {
    activation: Activation,
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
            activation: config.design.activation,
            gate: linear(TargetModule::GateProj)?,
            up: linear(TargetModule::UpProj)?,
            down: linear(TargetModule::DownProj)?,
        })
    }

    /// `[rows, hidden]` gives `[rows, hidden]`.
    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> candle_core::Result<Tensor> {
        let gate = activate(self.activation, &self.gate.forward(x, pass)?)?;
        self.down.forward(&(gate * self.up.forward(x, pass)?)?, pass)
    }
}

fn activate(activation: Activation, x: &Tensor) -> candle_core::Result<Tensor> {
    match activation {
        Activation::Silu => x.silu(),
        // candle's own has a backward with rounded constants.
        Activation::TanhGelu => {
            let cubic = ((x.sqr()? * 0.044_715)? + 1.0)?;
            let inner = ((x * cubic)? * (2.0 / std::f64::consts::PI).sqrt())?;
            x * ((inner.tanh()? + 1.0)? * 0.5)?
        }
    }
}
