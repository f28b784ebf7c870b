//! Differentiates one stage of the model (a layer, a chunk of labels) at a time. Between the backward
//! passes only the stages' inputs are kept, so the graph of one stage is all that ever exists.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use super::frozen;

/// A stage's output with the gradients that flowed back through it.
pub(super) struct Differentiated {
    /// What the stage computed.
    pub(super) output: Tensor,
    /// The gradient with respect to its input.
    pub(super) d_input: Tensor,
    /// The gradients of the variables that the stage used.
    pub(super) gradients: GradStore,
}

/// Runs `stage` on `input` and pulls `d_output` back through it.
pub(super) fn differentiate(
    input: &Tensor,
    d_output: &Tensor,
    stage: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Differentiated> {
    let input = Var::from_tensor(input)?;
    let output = stage(&input)?;
    // The gradient of Σ output · d_output is d_output pulled back.
    let mut gradients = frozen::multiply(&output, d_output)?.sum_all()?.backward()?;
    let d_input = gradients
        .remove(&input)
        .ok_or_else(|| candle_core::Error::msg("no gradient reached the input of a stage"))?;
    Ok(Differentiated { output: output.detach(), d_input: d_input.detach(), gradients })
}
