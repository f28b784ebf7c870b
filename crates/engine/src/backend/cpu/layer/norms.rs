//! The norms of a layer: their weights by name, and the gradients that flow back through them.

use gradus_kernels::{Matrix, Number, rms_norm_backward, rms_norm_weight_gradient};

use crate::backend::BackendError;
use crate::backend::cpu::Pass;
use crate::backend::cpu::buffers::Buffers;
use crate::files::Weights;

/// An RMSNorm.
#[derive(Clone)]
pub(super) struct Norm {
    /// The Hugging Face name of its weight.
    pub(super) name: String,
    pub(super) weight: Vec<f32>,
}

/// The inputs of a norm (of heads: a row each), and the factors that it multiplied them by.
pub(super) type NormKept<N> = (Matrix<N>, Vec<f32>);

impl Norm {
    /// Takes the norm of that name in the layer.
    pub(super) fn take(weights: &mut Weights, layer: usize, name: &str) -> Result<Self, BackendError> {
        let name = format!("model.layers.{layer}.{name}.weight");
        Ok(Self { weight: weights.take(&name)?.data, name })
    }

    /// Adds the gradient of the weight, where that is trained, from what the norm kept.
    pub(super) fn add_gradient<N: Number>(
        &self,
        pass: &Pass<'_>,
        (kept, inverse_rms): (&Matrix<N>, &[f32]),
        d_output: &[f32],
        gradients: &mut [f32],
    ) {
        if let Some(range) = pass.trained(&self.name) {
            rms_norm_weight_gradient(kept.data(), inverse_rms, d_output, &mut gradients[range]);
        }
    }

    /// The gradient of what was normalised, rounded, in rows of that width, from that of what came out.
    pub(super) fn input_gradient<N: Number>(
        &self,
        (raw, inverse_rms): &NormKept<N>,
        d_output: &[f32],
        width: usize,
        buffers: &mut Buffers<N>,
    ) -> Matrix<N> {
        let mut d_raw = buffers.take_zeroed(d_output.len());
        // Heads fill whole cells, so the rows of a head each are laid out as the rows of all heads.
        let mut rounded = buffers.take_matrix(d_output.len() / width, width);
        let into = (&mut d_raw[..], rounded.data_mut());
        rms_norm_backward(raw.data(), &self.weight, inverse_rms, d_output, into);
        buffers.give(d_raw);
        rounded
    }
}
