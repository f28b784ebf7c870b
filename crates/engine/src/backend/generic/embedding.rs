//! The embedding table.

use candle_core::{Result, Tensor};

use super::placement::Placement;

pub(super) struct Embedding {
    /// `[vocabulary, hidden]`.
    pub(super) table: Tensor,
    /// What its rows are multiplied by, where they are.
    pub(super) scale: Option<f32>,
}

impl Embedding {
    /// The embeddings of the tokens, `[tokens, hidden]`.
    pub(super) fn forward(&self, tokens: &[u32]) -> Result<Tensor> {
        let rows = self.table.index_select(&Placement::of(&self.table).index(tokens)?, 0)?;
        self.scale.map_or(Ok(rows.clone()), |scale| rows * f64::from(scale))
    }
}
