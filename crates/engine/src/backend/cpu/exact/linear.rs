//! A frozen linear layer with an optional LoRA update: y = x Wᵀ + b + s · drop(x) Aᵀ Bᵀ.

use std::ops::Range;

use gradus_kernels::{Accumulate, DropoutMask, Matrix, add_assign, multiply};

use super::Pass;
use crate::adapter::TargetModule;
use crate::backend::BackendError;
use crate::backend::cpu::workspace::Workspace;
use crate::backend::dropout::mask;
use crate::config::ModelConfig;
use crate::files::Weights;

pub(super) struct Linear {
    layer: usize,
    module: TargetModule,
    input: usize,
    output: usize,
    /// `[output, input]`.
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
}

/// The adapter of one linear layer.
struct Lora<'a> {
    a: &'a [f32],
    b: &'a [f32],
    /// Where A and B stand in the flat vector of parameters.
    ranges: (Range<usize>, Range<usize>),
    rank: usize,
    scale: f32,
    mask: Option<DropoutMask>,
}

impl Linear {
    pub(super) fn new(
        config: &ModelConfig,
        (layer, module): (usize, TargetModule),
        weights: &mut Weights,
    ) -> Result<Self, BackendError> {
        let (input, output) = module.features(config);
        let path = format!("model.layers.{layer}.{}", module.path());
        let has_bias = config.attention_bias
            && matches!(module, TargetModule::QProj | TargetModule::KProj | TargetModule::VProj);
        let bias = if has_bias { Some(weights.take(&format!("{path}.bias"))?.data) } else { None };
        let weight = weights.take(&format!("{path}.weight"))?.data;
        Ok(Self { layer, module, input, output, weight, bias })
    }

    pub(super) fn output(&self) -> usize {
        self.output
    }

    fn lora<'a>(&self, pass: &Pass<'a>) -> Option<Lora<'a>> {
        let adapter = pass.adapter?;
        let pair = adapter.pair(self.layer, self.module)?;
        Some(Lora {
            a: &adapter.parameters[pair.a.clone()],
            b: &adapter.parameters[pair.b.clone()],
            ranges: (pair.a.clone(), pair.b.clone()),
            rank: adapter.config().rank,
            scale: adapter.config().scale(),
            mask: pass.dropout.map(|dropout| mask(dropout, self.layer, self.module)),
        })
    }

    /// Writes `[rows, output]` and returns drop(x) Aᵀ `[rows, rank]` for the backward pass.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        input: &[f32],
        output: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) -> Vec<f32> {
        let rows = input.len() / self.input;
        let x = Matrix::new(input, rows, self.input);
        let weight = Matrix::new(&self.weight, self.output, self.input);
        multiply(output, x, weight.transposed(), 1.0, Accumulate::Overwrite);
        if let Some(bias) = &self.bias {
            output.chunks_mut(self.output).for_each(|row| add_assign(row, bias));
        }
        let Some(lora) = self.lora(pass) else {
            return Vec::new();
        };
        let dropped = lora.dropped(input, workspace);
        let x = Matrix::new(dropped.as_deref().unwrap_or(input), rows, self.input);
        let mut low = workspace.take(rows * lora.rank);
        multiply(&mut low, x, lora.a_matrix(self.input).transposed(), 1.0, Accumulate::Overwrite);
        let low_matrix = Matrix::new(&low, rows, lora.rank);
        multiply(output, low_matrix, lora.b_matrix(self.output).transposed(), lora.scale, Accumulate::Add);
        dropped.into_iter().for_each(|buffer| workspace.give(buffer));
        low
    }

    /// Adds the gradient with respect to the input to `d_input` (`accumulate` says whether it holds
    /// something already) and those of A and B to `gradients`. `low` is what [`Self::forward`] returned.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        (input, low): (&[f32], Vec<f32>),
        d_output: &[f32],
        (d_input, accumulate): (&mut [f32], Accumulate),
        gradients: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) {
        let rows = input.len() / self.input;
        let d_y = Matrix::new(d_output, rows, self.output);
        let weight = Matrix::new(&self.weight, self.output, self.input);
        multiply(d_input, d_y, weight, 1.0, accumulate);
        let Some(lora) = self.lora(pass) else { return };

        let d_b = &mut gradients[lora.ranges.1.clone()];
        let low_matrix = Matrix::new(&low, rows, lora.rank);
        multiply(d_b, d_y.transposed(), low_matrix, lora.scale, Accumulate::Add);
        let mut d_low = workspace.take(rows * lora.rank);
        multiply(&mut d_low, d_y, lora.b_matrix(self.output), lora.scale, Accumulate::Overwrite);

        let dropped = lora.dropped(input, workspace);
        let x = Matrix::new(dropped.as_deref().unwrap_or(input), rows, self.input);
        let d_low_matrix = Matrix::new(&d_low, rows, lora.rank);
        let d_a = &mut gradients[lora.ranges.0.clone()];
        multiply(d_a, d_low_matrix.transposed(), x, 1.0, Accumulate::Add);

        match (lora.mask, dropped) {
            (Some(mask), Some(mut buffer)) => {
                multiply(&mut buffer, d_low_matrix, lora.a_matrix(self.input), 1.0, Accumulate::Overwrite);
                mask.add_applied(&buffer, d_input);
                workspace.give(buffer);
            }
            _ => multiply(d_input, d_low_matrix, lora.a_matrix(self.input), 1.0, Accumulate::Add),
        }
        workspace.give(d_low);
        workspace.give(low);
    }
}

impl Lora<'_> {
    fn a_matrix(&self, input: usize) -> Matrix<'_> {
        Matrix::new(self.a, self.rank, input)
    }

    fn b_matrix(&self, output: usize) -> Matrix<'_> {
        Matrix::new(self.b, output, self.rank)
    }

    /// The input after dropout; `None` without dropout.
    fn dropped(&self, input: &[f32], workspace: &mut Workspace<f32>) -> Option<Vec<f32>> {
        self.mask.map(|mask| {
            let mut dropped = workspace.take(input.len());
            mask.apply(input, &mut dropped);
            dropped
        })
    }
}
