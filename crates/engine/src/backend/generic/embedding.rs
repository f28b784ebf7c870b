//! The embedding table.

use candle_core::{Result, Tensor};

use super::placement::Placement;

pub(super) struct Embedding {
    /// `[vocabulary, hidden]`.
    pub(super) table: Tensor,
}

impl Embedding {
    /// The embeddings of the tokens, `[tokens, hidden]`.
    pub(super) fn forward(&self, tokens: &[u32]) -> Result<Tensor> {
        self.table.index_select(&Placement::of(&self.table).index(tokens)?, 0)
    }
}
