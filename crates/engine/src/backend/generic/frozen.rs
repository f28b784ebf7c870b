//! Operations between a tensor under differentiation and one that usually is a constant: a frozen weight, a
//! norm's factors, a mask. candle's own would also build the gradient of the constant, which for a frozen
//! weight is as large as the weight, and keep it to the end of the backward pass. Where the second tensor is
//! a variable (a weight in full fine-tuning), candle's own is what is wanted.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, Error, Layout, MetalStorage, Result, Shape, Tensor, op,
};

/// `x Wᵀ`: `[rows, input]` and `[output, input]` give `[rows, output]`.
pub(super) fn project(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let ((_, input), (_, expected)) = (x.dims2()?, weight.dims2()?);
    if input != expected {
        let (lhs, rhs) = (x.shape().clone(), weight.shape().clone());
        return Err(Error::ShapeMismatchBinaryOp { lhs, rhs, op: "frozen project" });
    }
    if weight.is_variable() {
        return x.matmul(&weight.t()?);
    }
    x.contiguous()?.apply_op2(weight, Frozen::Project)
}

/// `x` times the constant, element by element; the constant is broadcast to the shape of `x`.
pub(super) fn multiply(x: &Tensor, constant: &Tensor) -> Result<Tensor> {
    if constant.is_variable() {
        return x.broadcast_mul(constant);
    }
    x.apply_op2(&constant.broadcast_as(x.shape())?, Frozen::Multiply)
}

/// `x` plus the constant, which is broadcast to the shape of `x`.
pub(super) fn add(x: &Tensor, constant: &Tensor) -> Result<Tensor> {
    if constant.is_variable() {
        return x.broadcast_add(constant);
    }
    x.apply_op2(&constant.broadcast_as(x.shape())?, Frozen::Add)
}

#[derive(Debug, Clone, Copy)]
enum Frozen {
    Project,
    Multiply,
    Add,
}

impl Frozen {
    fn forward<S: BackendStorage>(
        self,
        (x, x_layout): (&S, &Layout),
        (constant, layout): (&S, &Layout),
    ) -> Result<(S, Shape)> {
        let shape = x_layout.shape();
        match self {
            Self::Project => {
                let ((rows, input), (output, _)) = (shape.dims2()?, layout.shape().dims2()?);
                let sizes = (1, rows, output, input);
                let product = x.matmul(constant, sizes, x_layout, &layout.transpose(0, 1)?)?;
                Ok((product, Shape::from((rows, output))))
            }
            Self::Multiply => Ok((x.binary_impl::<op::Mul>(constant, x_layout, layout)?, shape.clone())),
            Self::Add => Ok((x.binary_impl::<op::Add>(constant, x_layout, layout)?, shape.clone())),
        }
    }
}

impl CustomOp2 for Frozen {
    fn name(&self) -> &'static str {
        "frozen"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        constant: &CpuStorage,
        layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, x_layout), (constant, layout))
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        constant: &CudaStorage,
        layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.forward((x, x_layout), (constant, layout))
    }

    fn metal_fwd(
        &self,
        x: &MetalStorage,
        x_layout: &Layout,
        constant: &MetalStorage,
        layout: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        self.forward((x, x_layout), (constant, layout))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        constant: &Tensor,
        _output: &Tensor,
        d_output: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let d_x = match self {
            Self::Project => d_output.contiguous()?.matmul(constant)?,
            Self::Multiply => d_output.mul(constant)?,
            Self::Add => d_output.clone(),
        };
        Ok((Some(d_x), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn the_results_and_gradients_are_candles_own_without_the_gradient_of_the_constant() {
        let random = |shape: &[usize]| Tensor::randn(0_f64, 1.0, shape, &Device::Cpu).unwrap();
        let x = Var::from_tensor(&random(&[3, 4])).unwrap();
        let (weight, row, d_output) = (random(&[5, 4]), random(&[4]), random(&[3, 5]));
        let loss = |y: Tensor| (y * &d_output).unwrap().sum_all().unwrap().backward().unwrap();

        let ours = add(&multiply(&x, &row).unwrap(), &row).unwrap();
        let ours = project(&ours, &weight).unwrap();
        let theirs = x.broadcast_mul(&row).unwrap().broadcast_add(&row).unwrap();
        let theirs = theirs.matmul(&weight.t().unwrap()).unwrap();
        assert_eq!(ours.to_vec2::<f64>().unwrap(), theirs.to_vec2::<f64>().unwrap());

        let (ours, theirs) = (loss(ours), loss(theirs));
        let values = |gradient: &Tensor| gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (a, b) in values(ours.get(&x).unwrap()).iter().zip(values(theirs.get(&x).unwrap())) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        assert!(ours.get(&weight).is_none());
        assert!(theirs.get(&weight.t().unwrap()).is_none() && theirs.get_ids().count() > 3);
        assert!(ours.get(&row).is_none());
    }

    #[test]
    fn a_projection_of_the_wrong_width_is_refused() {
        let zeros =
            |shape: (usize, usize)| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(project(&zeros((2, 3)), &zeros((5, 4))).is_err());
    }
}
