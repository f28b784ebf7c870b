//! CPU math for training and inference, in f32 and in bf16. The only crate with unsafe code.
//!
//! **Invariant:** a result never depends on the number of threads: work is cut into pieces by shape
//! alone, and no two pieces write the same element. **Invariant:** nothing here knows models or files.

mod adamw;
pub mod attention;
mod bf16;
mod columns;
pub mod cpu;
mod cross_entropy;
mod dropout;
mod gated;
mod matrix;
mod matrix_mut;
mod norm;
mod number;
pub mod product;
pub mod quantised;
mod reduce;
mod rope;
mod scratch;
mod shared;
mod simd;
mod single;
mod weight;

pub use adamw::{AdamW, AdamWState};
pub use bf16::Bf16;
pub use columns::{add_column_sums, column_dots, scale_columns};
pub use cross_entropy::{CrossEntropy, SoftmaxChunk, TargetToken};
pub use dropout::DropoutMask;
pub use gated::{geglu, geglu_backward, swiglu, swiglu_backward};
pub use matrix::{Matrix, View};
pub use matrix_mut::MatrixMut;
pub use norm::{rms_norm, rms_norm_add, rms_norm_again, rms_norm_backward, rms_norm_weight_gradient};
pub use number::Number;
pub use reduce::{add_assign, sum_of_squares};
pub use rope::RotaryTable;
pub use weight::{Weight, WeightView};
