//! AVX-512: `fused` widens pairs to f32, `dot` has instructions that multiply them.

pub(super) mod dot;
pub(super) mod fused;
