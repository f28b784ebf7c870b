//! Where tensors live and in which type: numbers on their way to a device and back. Conversions happen
//! on the CPU, since some devices have no f64.

use candle_core::{DType, Device, Result, Shape, Tensor, WithDType};

#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) device: Device,
    pub(super) dtype: DType,
}

impl Placement {
    /// That of a tensor.
    pub(super) fn of(tensor: &Tensor) -> Self {
        Self { device: tensor.device().clone(), dtype: tensor.dtype() }
    }

    pub(super) fn tensor<T: WithDType>(&self, values: Vec<T>, shape: impl Into<Shape>) -> Result<Tensor> {
        Tensor::from_vec(values, shape.into(), &Device::Cpu)?.to_dtype(self.dtype)?.to_device(&self.device)
    }

    /// Tokens or rows, to select by.
    pub(super) fn index(&self, values: &[u32]) -> Result<Tensor> {
        Tensor::from_slice(values, values.len(), &self.device)
    }
}

/// The elements, row-major.
pub(super) fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}
