//! CPU math for training and inference, in f32 and in bf16. The only crate with unsafe code.
//!
//! **Invariant:** a result never depends on the number of threads: work is cut into pieces by shape
//! alone, and no two pieces write the same element. **Invariant:** nothing here knows models or files.

mod adamw;
pub mod attention;
pub mod bf16;
pub mod cpu;
mod cross_entropy;
mod dropout;
mod gemm;
mod matrix;
mod norm;
mod reduce;
mod rope;
mod shared;
mod simd;
mod swiglu;

pub use adamw::{AdamW, AdamWState};
pub use cross_entropy::{Bf16CrossEntropy, CrossEntropy, Target};
pub use dropout::DropoutMask;
pub use gemm::{Accumulate, multiply};
pub use matrix::{Matrix, MatrixMut};
pub use norm::{rms_norm, rms_norm_again, rms_norm_backward, rms_norm_backward_bf16, rms_norm_bf16};
pub use reduce::{add_assign, dot, sum_of_squares};
pub use rope::RotaryTable;
pub use swiglu::{swiglu, swiglu_backward, swiglu_backward_bf16, swiglu_bf16};
