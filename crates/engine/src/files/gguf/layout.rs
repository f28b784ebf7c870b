//! Where GGUF differs from Hugging Face: tensor names, and the order of the rows of query and key
//! projections in files of the architecture `llama`.

use super::metadata::Metadata;
use crate::config::{Design, ModelConfig};

/// Puts the tensors of one file into the Hugging Face layout.
pub(crate) struct Layout {
    /// llama.cpp rotates neighbouring rows (0 with 1, 2 with 3) for `llama` and stores them so;
    /// Hugging Face rotates a row with the one half a head further on.
    interleaved: bool,
    head_dim: usize,
    hidden_size: usize,
    design: Design,
}

impl Layout {
    pub(super) fn new(metadata: &Metadata<'_>, config: &ModelConfig) -> Self {
        Self::of_file(metadata.optional_text("general.architecture") == Some("llama"), config)
    }

    /// The layout of a file of the architecture `llama` (`interleaved`) or another.
    pub(crate) fn of_file(interleaved: bool, config: &ModelConfig) -> Self {
        let ModelConfig { head_dim, hidden_size, design, .. } = *config;
        Self { interleaved, head_dim, hidden_size, design }
    }

    /// The name in the file of a Hugging Face tensor.
    pub(crate) fn name(&self, name: &str) -> Option<String> {
        gguf_name(name, self.design)
    }

    /// `name` is the Hugging Face name; the values are row-major.
    pub(super) fn to_hugging_face(&self, name: &str, values: Vec<f32>) -> Vec<f32> {
        match self.reordered_width(name) {
            Some(width) => halves_from_pairs(&values, self.head_dim, width),
            None => values,
        }
    }

    /// As [`Self::to_hugging_face`] for the bytes of blocks; `row` is the bytes of a row.
    pub(super) fn blocks_to_hugging_face(&self, name: &str, blocks: Vec<u8>, row: usize) -> Vec<u8> {
        match self.reordered_width(name) {
            Some(_) => halves_from_pairs(&blocks, self.head_dim, row),
            None => blocks,
        }
    }

    /// The way back: values in the order of Hugging Face to that of the file.
    pub(crate) fn to_file(&self, name: &str, values: Vec<f32>) -> Vec<f32> {
        match self.reordered_width(name) {
            Some(width) => pairs_from_halves(&values, self.head_dim, width),
            None => values,
        }
    }

    /// The width of the rows of a tensor whose rows stand in another order in the file.
    fn reordered_width(&self, name: &str) -> Option<usize> {
        let rotated = name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.");
        let width = if name.ends_with(".bias") { 1 } else { self.hidden_size };
        (self.interleaved && rotated).then_some(width)
    }
}

/// Within each head, even rows first, then odd ones.
fn halves_from_pairs<T: Copy>(values: &[T], head_dim: usize, width: usize) -> Vec<T> {
    let mut reordered = Vec::with_capacity(values.len());
    for head in values.chunks_exact(head_dim * width) {
        for row in (0..head_dim).step_by(2).chain((1..head_dim).step_by(2)) {
            reordered.extend_from_slice(&head[row * width..(row + 1) * width]);
        }
    }
    reordered
}

/// Within each head, rows of the first half and of the second in turn.
fn pairs_from_halves(values: &[f32], head_dim: usize, width: usize) -> Vec<f32> {
    let mut reordered = Vec::with_capacity(values.len());
    for head in values.chunks_exact(head_dim * width) {
        for row in 0..head_dim / 2 {
            for row in [row, row + head_dim / 2] {
                reordered.extend_from_slice(&head[row * width..(row + 1) * width]);
            }
        }
    }
    reordered
}

fn gguf_name(name: &str, design: Design) -> Option<String> {
    let whole = match name {
        "model.embed_tokens.weight" => "token_embd.weight",
        "model.norm.weight" => "output_norm.weight",
        "lm_head.weight" => "output.weight",
        _ => {
            let (layer, part) = name.strip_prefix("model.layers.")?.split_once('.')?;
            let (module, kind) = part.rsplit_once('.')?;
            return Some(format!("blk.{layer}.{}.{kind}", gguf_module(module, design)?));
        }
    };
    Some(whole.to_owned())
}

fn gguf_module(module: &str, design: Design) -> Option<&'static str> {
    // Hugging Face has one name for a norm before the feed-forward block and for one after attention.
    let norms = design.norm_names();
    let norms = [
        (Some(norms.before_attention), "attn_norm"),
        (norms.after_attention, "post_attention_norm"),
        (Some(norms.before_feed_forward), "ffn_norm"),
        (norms.after_feed_forward, "post_ffw_norm"),
    ];
    if let Some((_, stored)) = norms.into_iter().find(|(name, _)| *name == Some(module)) {
        return Some(stored);
    }
    Some(match module {
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paired_rows_become_halves_within_each_head() {
        // Two heads of four rows, each row two wide, numbered by row.
        let stored: Vec<f32> = (0..8).flat_map(|row| [row as f32; 2]).collect();
        let rows: Vec<f32> = halves_from_pairs(&stored, 4, 2).into_iter().step_by(2).collect();
        assert_eq!(rows, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
        assert_eq!(pairs_from_halves(&halves_from_pairs(&stored, 4, 2), 4, 2), stored);
    }

    #[test]
    fn every_kind_of_tensor_has_a_name_in_the_file() {
        let llama = |name: &str| gguf_name(name, Design::default());
        assert_eq!(llama("model.layers.12.self_attn.q_proj.bias").unwrap(), "blk.12.attn_q.bias");
        assert_eq!(llama("model.layers.0.mlp.down_proj.weight").unwrap(), "blk.0.ffn_down.weight");
        assert_eq!(llama("model.layers.0.mlp.router.weight"), None);
        assert_eq!(llama("model.layers.0.post_attention_layernorm.weight").unwrap(), "blk.0.ffn_norm.weight");
        assert_eq!(llama("model.layers.0.post_feedforward_layernorm.weight"), None);
        let norms = ["post_attention", "pre_feedforward", "post_feedforward"].map(|place| {
            gguf_name(&format!("model.layers.0.{place}_layernorm.weight"), Design::gemma3()).unwrap()
        });
        assert_eq!(
            norms,
            ["post_attention_norm", "ffn_norm", "post_ffw_norm"].map(|name| format!("blk.0.{name}.weight"))
        );
    }
}
