//! The model's weights as tensors.

use candle_core::Tensor;

use super::BackendError;
use super::placement::Placement;
use crate::files::Weights;

pub(super) struct WeightTensors {
    pub(super) weights: Weights,
    pub(super) placement: Placement,
}

impl WeightTensors {
    /// A tensor by its Hugging Face name. It can be taken once.
    pub(super) fn take(&mut self, name: &str) -> Result<Tensor, BackendError> {
        let tensor = self.weights.take(name)?;
        Ok(self.placement.tensor(tensor.data, tensor.shape)?)
    }
}
