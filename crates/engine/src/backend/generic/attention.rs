//! Causal attention with grouped heads: softmax(Q Kᵀ / √s + mask) V, s usually being the heads' width. The mask says who sees whom, so a
//! packed tree of sequences is one dense product. Heads share keys in equal groups.

use candle_core::{D, Tensor};

use super::linear::Linear;
use super::norm::RmsNorm;
use super::weights::WeightSource;
use super::{BackendError, Pass, frozen};
use crate::adapter::TargetModule;
use crate::config::ModelConfig;

pub(super) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    /// RMSNorm over each head of the queries and of the keys (Qwen 3).
    head_norms: Option<(RmsNorm, RmsNorm)>,
    query_heads: usize,
    key_value_heads: usize,
    head_dim: usize,
    query_scalar: usize,
}

/// Keys and values of the rows that were read.
pub(super) trait Cache {
    /// Keeps those of this pass, `[rows, key/value heads, dim]` each, and returns those that it sees, in
    /// the columns of its mask.
    fn extend(&mut self, keys: Tensor, values: Tensor) -> candle_core::Result<(Tensor, Tensor)>;
}

impl Attention {
    pub(super) fn new(
        config: &ModelConfig,
        layer: usize,
        weights: &WeightSource<'_>,
    ) -> Result<Self, BackendError> {
        let linear = |module| Linear::new(config, (layer, module), weights);
        let (query, key) = (linear(TargetModule::QProj)?, linear(TargetModule::KProj)?);
        let (value, output) = (linear(TargetModule::VProj)?, linear(TargetModule::OProj)?);
        let norm = |name: &str| -> Result<RmsNorm, BackendError> {
            let weight = weights.take(&format!("model.layers.{layer}.self_attn.{name}.weight"))?;
            Ok(RmsNorm::new(weight, config.rms_norm_epsilon))
        };
        let head_norms = if config.query_key_norm { Some((norm("q_norm")?, norm("k_norm")?)) } else { None };
        Ok(Self {
            query,
            key,
            value,
            output,
            head_norms,
            query_heads: config.attention_heads,
            key_value_heads: config.key_value_heads,
            head_dim: config.head_dim,
            query_scalar: config.query_scalar(),
        })
    }

    /// `[rows, hidden]` gives `[rows, hidden]`. With a cache, attention sees the keys and values that it
    /// says.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        pass: Pass<'_>,
        cache: Option<&mut dyn Cache>,
    ) -> candle_core::Result<Tensor> {
        let rows = x.dim(0)?;
        let heads = |x: Tensor, heads: usize| x.reshape((rows, heads, self.head_dim));
        let mut queries = heads(self.query.forward(x, pass)?, self.query_heads)?;
        let mut keys = heads(self.key.forward(x, pass)?, self.key_value_heads)?;
        let mut values = heads(self.value.forward(x, pass)?, self.key_value_heads)?;
        if let Some((query_norm, key_norm)) = &self.head_norms {
            (queries, keys) = (query_norm.forward(&queries)?, key_norm.forward(&keys)?);
        }
        (queries, keys) = (pass.rows.rotation.apply(&queries)?, pass.rows.rotation.apply(&keys)?);
        if let Some(cache) = cache {
            (keys, values) = cache.extend(keys, values)?;
        }
        self.output.forward(&self.attend(&queries, &keys, &values, &pass.rows.mask)?, pass)
    }

    /// `[rows, query heads, dim]` with keys and values `[keys, key/value heads, dim]` and a mask
    /// `[rows, keys]` give `[rows, query heads * dim]`.
    fn attend(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        mask: &Tensor,
    ) -> candle_core::Result<Tensor> {
        let (rows, _, dim) = queries.dims3()?;
        let (shared, group) = (self.key_value_heads, self.query_heads / self.key_value_heads);
        let grouped = |rows_last: usize| (shared, group, rows, rows_last);
        let stacked = |rows_last: usize| (shared, group * rows, rows_last);

        let queries = (queries / (self.query_scalar as f64).sqrt())?.reshape((rows, shared, group, dim))?;
        let queries = queries.permute((1, 2, 0, 3))?.reshape(stacked(dim))?;
        let keys = keys.permute((1, 2, 0))?.contiguous()?;
        let values = values.transpose(0, 1)?.contiguous()?;

        let seen = mask.dim(1)?;
        let scores = queries.matmul(&keys)?.reshape(grouped(seen))?;
        let weights = softmax(&frozen::add(&scores, mask)?)?.reshape(stacked(seen))?;
        let output = weights.matmul(&values)?.reshape(grouped(dim))?;
        output.permute((2, 0, 1, 3))?.reshape((rows, self.query_heads * dim))
    }
}

/// Softmax over the last dimension, of primitive operations: candle's fused one has no backward. It does
/// not change when a row is shifted, so its highest value counts as a constant.
fn softmax(scores: &Tensor) -> candle_core::Result<Tensor> {
    let highest = scores.detach().max_keepdim(D::Minus1)?;
    let exponentials = frozen::add(scores, &highest.neg()?)?.exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
}
