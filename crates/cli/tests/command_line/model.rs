//! A base model of a few thousand weights in the layout of Hugging Face. It knows nothing, but every
//! command does with it what it does with a real one.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_app::engine::config::{Design, Family, ModelConfig, RopeScaling};
use gradus_app::engine::random::Random;
use serde_json::json;

use crate::gradus::Place;

const CHAT_TEMPLATE: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/// Common words become one token; without that a prompt would be a thousand tokens long.
const WORDS: usize = 400;

/// Writes the model as `name` in a place, with random weights from `seed`.
pub(crate) fn write(place: &Place, name: &str, context_length: usize, seed: u64) {
    write_as(place, name, seed, |config| config.context_length = context_length);
}

/// As [`write`], with another architecture.
pub(crate) fn write_as(place: &Place, name: &str, seed: u64, change: impl FnOnce(&mut ModelConfig)) {
    let (tokens, merges) = vocabulary();
    let mut config = config(tokens.len());
    change(&mut config);
    place.write(&format!("{name}/config.json"), config.to_hugging_face().to_string());
    place.write(&format!("{name}/tokenizer.json"), tokenizer(&tokens, &merges));
    let settings = json!({ "chat_template": CHAT_TEMPLATE, "eos_token": "<|im_end|>" });
    place.write(&format!("{name}/tokenizer_config.json"), settings.to_string());
    place.write(&format!("{name}/model.safetensors"), weights(&config, seed));
}

fn config(vocabulary_size: usize) -> ModelConfig {
    ModelConfig {
        family: Family::Llama,
        vocabulary_size,
        hidden_size: 8,
        intermediate_size: 12,
        layers: 1,
        attention_heads: 2,
        key_value_heads: 1,
        head_dim: 4,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        rms_norm_epsilon: 1e-5,
        tie_word_embeddings: true,
        attention_bias: false,
        query_key_norm: false,
        sliding_window: None,
        design: Design::default(),
        context_length: 1024,
        bos_token_id: Some(1),
        eos_token_ids: vec![2],
        pad_token_id: Some(2),
    }
}

/// Control tokens, the 256 byte pieces, and the beginnings of common words: each is the one before it and
/// a letter, so that words are read from left to right.
fn vocabulary() -> (Vec<String>, Vec<String>) {
    let mut tokens: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(str::to_owned).to_vec();
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    tokens.extend((0..=u8::MAX).filter(printable).map(|byte| char::from(byte).to_string()));
    tokens.extend((0x100..0x100 + 68).filter_map(char::from_u32).map(String::from));
    let mut merges = Vec::new();
    for word in common_words() {
        let mut beginning = "Ġ".to_owned();
        for letter in word.chars() {
            let merge = format!("{beginning} {letter}");
            beginning.push(letter);
            if !merges.contains(&merge) {
                merges.push(merge);
                tokens.push(beginning.clone());
            }
        }
    }
    (tokens, merges)
}

fn common_words() -> Vec<String> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cell-biology");
    let text = std::fs::read_to_string(examples.join("marked-answers.csv")).unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in text.split(' ') {
        let letters: String = word.chars().take_while(char::is_ascii_alphabetic).collect();
        *counts.entry(letters).or_default() += 1;
    }
    counts.remove("");
    let mut words: Vec<(String, usize)> = counts.into_iter().collect();
    words.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
    words.into_iter().take(WORDS).map(|(word, _)| word).collect()
}

fn tokenizer(tokens: &[String], merges: &[String]) -> String {
    let ids: serde_json::Map<_, _> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect();
    let added = |id: usize| {
        json!({ "id": id, "content": tokens[id], "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false })
    };
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
        "use_regex": true });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [added(0), added(1), added(2)], "pre_tokenizer": bytes, "decoder": bytes,
        "model": { "type": "BPE", "vocab": ids, "merges": merges },
    })
    .to_string()
}

/// A safetensors file: the length of a header, the header, the values.
fn weights(config: &ModelConfig, seed: u64) -> Vec<u8> {
    let mut random = Random::new(&[seed]);
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (name, shape) in config.tensor_shapes() {
        let middle = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
        let begin = data.len();
        for _ in 0..shape.iter().product() {
            data.extend(((middle + random.uniform() - 0.5) as f32).to_le_bytes());
        }
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()] });
        header.insert(name, entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}
