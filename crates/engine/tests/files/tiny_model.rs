//! A Llama of a few thousand weights, written as a GGUF file and as a Hugging Face directory.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use gradus_engine::config::{Design, Family, ModelConfig, RopeScaling};
use safetensors::tensor::TensorView;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Two layers, four query and two key heads of eight dimensions. Rows are 32 wide: whole blocks.
pub(crate) fn config() -> ModelConfig {
    ModelConfig {
        family: Family::Llama,
        vocabulary_size: tokens().len(),
        hidden_size: 32,
        intermediate_size: 64,
        layers: 2,
        attention_heads: 4,
        key_value_heads: 2,
        head_dim: 8,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        rms_norm_epsilon: 1e-5,
        tie_word_embeddings: true,
        attention_bias: false,
        query_key_norm: false,
        sliding_window: None,
        design: Design::default(),
        context_length: 128,
        bos_token_id: Some(1),
        eos_token_ids: vec![2],
        pad_token_id: Some(2),
    }
}

/// `<|endoftext|>`, two turn markers, the 256 byte pieces and three merged ones.
pub(crate) fn tokens() -> Vec<String> {
    let mut tokens: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(str::to_owned).to_vec();
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    tokens.extend((0..=u8::MAX).filter(printable).map(|byte| char::from(byte).to_string()));
    tokens.extend((0x100..0x100 + 68).filter_map(char::from_u32).map(String::from));
    tokens.extend(["th", "the", "Ġthe"].map(str::to_owned));
    tokens
}

pub(crate) fn merges() -> Vec<String> {
    ["t h", "th e", "Ġ the"].map(str::to_owned).to_vec()
}

pub(crate) const CHAT_TEMPLATE: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// The weights in the Hugging Face layout. No two are equal, so a reordering shows.
pub(crate) fn weights(config: &ModelConfig) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let mut next = 0.0;
    let mut values = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|_| {
                next += 1.0;
                next / 4096.0
            })
            .collect()
    };
    config
        .tensor_shapes()
        .map(|(name, shape)| {
            let data = values(shape.iter().product());
            (name, (shape, data))
        })
        .collect()
}

/// What a GGUF file is made of, to be changed by a test before it is written.
pub(crate) struct Gguf {
    pub(crate) metadata: BTreeMap<String, Value>,
    /// GGUF name to shape, values in the layout of the file, and type.
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, Vec<f32>, GgmlDType)>,
}

impl Gguf {
    /// The tiny model with every matrix of one type.
    pub(crate) fn tiny(architecture: &str, matrices: GgmlDType) -> Self {
        let mut config = config();
        config.attention_bias = architecture == "qwen2";
        config.query_key_norm = architecture == "qwen3";
        let interleaved = architecture == "llama";
        let tensors = weights(&config).into_iter().map(|(name, (shape, data))| {
            let data = if interleaved && (name.contains("q_proj") || name.contains("k_proj")) {
                pairs_from_halves(&data, config.head_dim, config.hidden_size)
            } else {
                data
            };
            let kind = if shape.len() == 1 { GgmlDType::F32 } else { matrices };
            (gguf_name(&name), (shape, data, kind))
        });
        Self { tensors: tensors.collect(), metadata: metadata(architecture, &config) }
    }

    pub(crate) fn write(&self, path: &Path) {
        let tensors: Vec<(&str, QTensor)> = self
            .tensors
            .iter()
            .map(|(name, (shape, data, kind))| {
                let dense = Tensor::from_vec(data.clone(), shape.clone(), &Device::Cpu).unwrap();
                (name.as_str(), QTensor::quantize(&dense, *kind).unwrap())
            })
            .collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let metadata: Vec<(&str, &Value)> =
            self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}

/// The tiny model as a directory; `shards` weight files.
pub(crate) fn write_hugging_face(directory: &Path, shards: usize) {
    let config = config();
    write_text(directory, "config.json", &config.to_hugging_face().to_string());
    write_text(directory, "tokenizer.json", &tokenizer_json());
    let settings = serde_json::json!({ "chat_template": CHAT_TEMPLATE, "eos_token": "<|im_end|>",
        "bos_token": { "content": "<|im_start|>" }, "pad_token": "<|im_end|>" });
    write_text(directory, "tokenizer_config.json", &settings.to_string());
    let weights = weights(&config);
    if shards == 1 {
        let names: Vec<&String> = weights.keys().collect();
        return write_safetensors(&directory.join("model.safetensors"), &weights, &names);
    }
    let mut map = serde_json::Map::new();
    for shard in 0..shards {
        let names: Vec<&String> = weights.keys().skip(shard).step_by(shards).collect();
        let file = format!("model-{:05}-of-{shards:05}.safetensors", shard + 1);
        write_safetensors(&directory.join(&file), &weights, &names);
        map.extend(names.into_iter().map(|name| (name.clone(), file.clone().into())));
    }
    let index = serde_json::json!({ "weight_map": map });
    write_text(directory, "model.safetensors.index.json", &index.to_string());
}

fn write_safetensors(path: &Path, weights: &BTreeMap<String, (Vec<usize>, Vec<f32>)>, names: &[&String]) {
    let bytes: Vec<Vec<u8>> = names
        .iter()
        .map(|name| weights[*name].1.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = names.iter().zip(&bytes).map(|(name, bytes)| {
        let shape = weights[*name].0.clone();
        (name.as_str(), TensorView::new(safetensors::Dtype::F32, shape, bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

fn write_text(directory: &Path, file: &str, text: &str) {
    std::fs::write(directory.join(file), text).unwrap();
}

fn tokenizer_json() -> String {
    let ids: serde_json::Map<_, _> =
        tokens().into_iter().enumerate().map(|(id, token)| (token, id.into())).collect();
    let added = |id: usize| {
        serde_json::json!({ "id": id, "content": tokens()[id], "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false })
    };
    let bytes = |regex: bool| serde_json::json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex });
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [added(0), added(1), added(2)],
        "pre_tokenizer": bytes(true), "decoder": bytes(true),
        "model": { "type": "BPE", "vocab": ids, "merges": merges() }
    })
    .to_string()
}

fn metadata(architecture: &str, config: &ModelConfig) -> BTreeMap<String, Value> {
    let number = |value: usize| Value::U32(value as u32);
    let texts = |values: Vec<String>| Value::Array(values.into_iter().map(Value::String).collect());
    let own = [
        ("block_count", number(config.layers)),
        ("context_length", number(config.context_length)),
        ("embedding_length", number(config.hidden_size)),
        ("feed_forward_length", number(config.intermediate_size)),
        ("attention.head_count", number(config.attention_heads)),
        ("attention.head_count_kv", number(config.key_value_heads)),
        ("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("rope.freq_base", Value::F32(10_000.0)),
    ];
    let kinds = (0..tokens().len()).map(|id| Value::I32(if id < 3 { 3 } else { 1 })).collect();
    let shared = [
        ("general.architecture", Value::String(architecture.to_owned())),
        ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
        ("tokenizer.ggml.pre", Value::String("gpt-2".to_owned())),
        ("tokenizer.ggml.tokens", texts(tokens())),
        ("tokenizer.ggml.merges", texts(merges())),
        ("tokenizer.ggml.token_type", Value::Array(kinds)),
        ("tokenizer.ggml.bos_token_id", number(1)),
        ("tokenizer.ggml.eos_token_id", number(2)),
        ("tokenizer.ggml.padding_token_id", number(2)),
        ("tokenizer.chat_template", Value::String(CHAT_TEMPLATE.to_owned())),
    ];
    let own = own.into_iter().map(|(key, value)| (format!("{architecture}.{key}"), value));
    own.chain(shared.into_iter().map(|(key, value)| (key.to_owned(), value))).collect()
}

/// Written out rather than computed, so that it does not repeat the reader's own rules.
fn gguf_name(name: &str) -> String {
    let renamed = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers.", "blk."),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    renamed.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// The order in which llama.cpp stores the rows of a head: 0, 4, 1, 5, 2, 6, 3, 7 for eight dimensions.
fn pairs_from_halves(data: &[f32], head_dim: usize, width: usize) -> Vec<f32> {
    let mut stored = Vec::new();
    for head in data.chunks(head_dim * width) {
        for pair in 0..head_dim / 2 {
            for row in [pair, pair + head_dim / 2] {
                stored.extend_from_slice(&head[row * width..(row + 1) * width]);
            }
        }
    }
    stored
}
