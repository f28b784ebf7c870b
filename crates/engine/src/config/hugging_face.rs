//! `config.json` as Hugging Face writes it, in the shapes of transformers 4 (`rope_theta`,
//! `rope_scaling`) and 5 (`rope_parameters`), to and from [`ModelConfig`].

mod gemma3;

use super::{ConfigError, Design, Family, ModelConfig, RopeScaling};
use serde::Deserialize;
use serde_json::{Value, json};

impl ModelConfig {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// When the architecture or a variant of it is not supported, or a field is missing or absurd.
    pub fn from_hugging_face(text: &str) -> Result<Self, ConfigError> {
        let json: Value = serde_json::from_str(text)?;
        let family = family_of(&json)?;
        refuse_unsupported(family, &json)?;
        let fields: Fields = serde_json::from_value(json.clone())?;
        let head_dim = fields
            .head_dim
            .unwrap_or_else(|| fields.hidden_size.checked_div(fields.num_attention_heads).unwrap_or(0));
        let (rope_theta, rope_scaling) = rope_of(family, &json)?;
        let design = match family {
            Family::Gemma3 => gemma3::design(&json, fields.num_hidden_layers, head_dim)?,
            _ => Design::default(),
        };
        let config = Self {
            family,
            vocabulary_size: fields.vocab_size,
            hidden_size: fields.hidden_size,
            intermediate_size: fields.intermediate_size,
            layers: fields.num_hidden_layers,
            attention_heads: fields.num_attention_heads,
            key_value_heads: fields.num_key_value_heads.unwrap_or(fields.num_attention_heads),
            head_dim,
            rope_theta,
            rope_scaling,
            rms_norm_epsilon: fields.rms_norm_eps,
            tie_word_embeddings: fields.tie_word_embeddings.unwrap_or(family == Family::Gemma3),
            attention_bias: family == Family::Qwen2,
            query_key_norm: matches!(family, Family::Qwen3 | Family::Gemma3),
            sliding_window: sliding_window_of(family, &json)?,
            design,
            context_length: fields.max_position_embeddings,
            bos_token_id: token_ids(&json, "bos_token_id")?.first().copied(),
            eos_token_ids: token_ids(&json, "eos_token_id")?,
            pad_token_id: token_ids(&json, "pad_token_id")?.first().copied(),
        };
        config.validate()?;
        Ok(config)
    }

    /// The `config.json` that Hugging Face transformers reads this model with.
    #[must_use]
    pub fn to_hugging_face(&self) -> Value {
        let architecture = match self.family {
            Family::Llama => "LlamaForCausalLM",
            Family::Mistral => "MistralForCausalLM",
            Family::Qwen2 => "Qwen2ForCausalLM",
            Family::Qwen3 => "Qwen3ForCausalLM",
            Family::Gemma3 => "Gemma3ForCausalLM",
        };
        let mut json = json!({
            "model_type": self.family.name(),
            "architectures": [architecture],
            "vocab_size": self.vocabulary_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.attention_heads,
            "num_key_value_heads": self.key_value_heads,
            "head_dim": self.head_dim,
            "rope_theta": self.rope_theta,
            "rope_scaling": rope_scaling_json(&self.rope_scaling),
            "rms_norm_eps": self.rms_norm_epsilon,
            "tie_word_embeddings": self.tie_word_embeddings,
            "max_position_embeddings": self.context_length,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": eos_json(&self.eos_token_ids),
            "pad_token_id": self.pad_token_id,
        });
        match self.family {
            Family::Llama => json["attention_bias"] = json!(false),
            Family::Mistral => json["sliding_window"] = json!(self.sliding_window),
            Family::Qwen2 | Family::Qwen3 => json["use_sliding_window"] = json!(false),
            Family::Gemma3 => gemma3::describe(self, &mut json),
        }
        if self.family != Family::Gemma3 {
            json["hidden_act"] = json!("silu");
        }
        json
    }
}

#[derive(Deserialize)]
struct Fields {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(default = "default_epsilon")]
    rms_norm_eps: f64,
    tie_word_embeddings: Option<bool>,
    max_position_embeddings: usize,
}

fn default_epsilon() -> f64 {
    1e-6
}

fn family_of(json: &Value) -> Result<Family, ConfigError> {
    let all = [Family::Llama, Family::Mistral, Family::Qwen2, Family::Qwen3, Family::Gemma3];
    match json.get("model_type").and_then(Value::as_str) {
        Some(name) => all
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| ConfigError::UnsupportedArchitecture { model_type: name.to_owned() }),
        None => Err(ConfigError::Missing { field: "model_type".to_owned() }),
    }
}

/// Variants that would load and then compute something else than the model's authors did.
fn refuse_unsupported(family: Family, json: &Value) -> Result<(), ConfigError> {
    let refused = |what: &str| Err(ConfigError::UnsupportedFeature { what: what.to_owned() });
    if json.get("quantization_config").is_some_and(|value| !value.is_null()) {
        return refused("quantization_config (GPTQ, AWQ, FP8 and the like)");
    }
    for field in ["attention_bias", "mlp_bias", "use_sliding_window"] {
        if json.get(field).and_then(Value::as_bool) == Some(true) {
            return refused(&format!("\"{field}\": true"));
        }
    }
    let (field, supported) = match family {
        Family::Gemma3 => ("hidden_activation", gemma3::ACTIVATION),
        _ => ("hidden_act", "silu"),
    };
    match json.get(field).and_then(Value::as_str) {
        Some(other) if other != supported => refused(&format!("\"{field}\": \"{other}\"")),
        _ => Ok(()),
    }
}

fn rope_of(family: Family, json: &Value) -> Result<(f64, RopeScaling), ConfigError> {
    let parameters = ["rope_parameters", "rope_scaling"]
        .iter()
        .find_map(|field| json.get(*field).filter(|value| value.is_object()));
    // Where kinds of layers differ, each has parameters of its own.
    let parameters = parameters.map(|rope| rope.get(gemma3::WHOLE).unwrap_or(rope));
    let usual = if family == Family::Gemma3 { gemma3::ROPE_THETA } else { 10_000.0 };
    let theta = parameters
        .and_then(|rope| rope.get("rope_theta"))
        .or_else(|| json.get("rope_theta"))
        .map_or(Some(usual), Value::as_f64)
        .ok_or_else(|| ConfigError::invalid("rope_theta", &json["rope_theta"], "must be a number"))?;
    let scaling = parameters.map_or(Ok(RopeScaling::None), scaling_of)?;
    Ok((theta, scaling))
}

fn scaling_of(rope: &Value) -> Result<RopeScaling, ConfigError> {
    let number = |field: &str| {
        rope.get(field)
            .and_then(Value::as_f64)
            .ok_or_else(|| ConfigError::Missing { field: format!("rope_scaling.{field}") })
    };
    let kind = rope.get("rope_type").or_else(|| rope.get("type")).and_then(Value::as_str);
    match kind {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: number("factor")? }),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: number("factor")?,
            low_frequency_factor: number("low_freq_factor")?,
            high_frequency_factor: number("high_freq_factor")?,
            original_context_length: number("original_max_position_embeddings")? as usize,
        }),
        Some(other) => {
            Err(ConfigError::UnsupportedFeature { what: format!("rope scaling of type \"{other}\"") })
        }
    }
}

fn rope_scaling_json(scaling: &RopeScaling) -> Value {
    match *scaling {
        RopeScaling::None => Value::Null,
        RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
        RopeScaling::Llama3 {
            factor,
            low_frequency_factor,
            high_frequency_factor,
            original_context_length,
        } => {
            json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_frequency_factor,
                "high_freq_factor": high_frequency_factor,
                "original_max_position_embeddings": original_context_length,
            })
        }
    }
}

/// Only Mistral has a window over all layers, and Gemma 3 over its local ones; there, leaving the field out
/// means 4096 (the default in transformers) and null means none.
fn sliding_window_of(family: Family, json: &Value) -> Result<Option<usize>, ConfigError> {
    match json.get("sliding_window") {
        _ if !matches!(family, Family::Mistral | Family::Gemma3) => Ok(None),
        None => Ok(Some(4096)),
        Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(window) if window > 0 => Ok(Some(window as usize)),
            _ => Err(ConfigError::invalid("sliding_window", value, "must be a positive number or null")),
        },
    }
}

/// A token id field: absent, null, one number or a list of numbers.
pub(crate) fn token_ids(json: &Value, field: &str) -> Result<Vec<u32>, ConfigError> {
    match json.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(_)) => Ok(serde_json::from_value(json[field].clone())?),
        Some(value) => Ok(vec![serde_json::from_value(value.clone())?]),
    }
}

fn eos_json(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llama() -> Value {
        json!({
            "model_type": "llama", "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192,
            "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
            "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": true,
            "max_position_embeddings": 131072, "bos_token_id": 128000, "eos_token_id": [128001, 128009],
            "rope_scaling": { "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192 }
        })
    }

    fn read(json: &Value) -> Result<ModelConfig, ConfigError> {
        ModelConfig::from_hugging_face(&json.to_string())
    }

    #[test]
    fn a_config_survives_writing_and_reading_for_every_family() {
        for family in ["llama", "mistral", "qwen2", "qwen3"] {
            let mut json = llama();
            json["model_type"] = json!(family);
            json["sliding_window"] = json!(4096);
            let config = read(&json).unwrap();
            assert_eq!(read(&config.to_hugging_face()).unwrap(), config, "{family}");
        }
    }

    #[test]
    fn both_spellings_of_the_rotary_parameters_mean_the_same() {
        let mut newer = llama();
        let mut rope = newer["rope_scaling"].take();
        rope["rope_theta"] = newer["rope_theta"].take();
        newer["rope_parameters"] = rope;
        assert_eq!(read(&newer).unwrap(), read(&llama()).unwrap());
    }

    #[test]
    fn another_architecture_is_named_beside_the_supported_ones() {
        let mut json = llama();
        json["model_type"] = json!("gemma3");
        let message = read(&json).unwrap_err().to_string();
        assert!(message.contains("gemma3") && message.contains("llama, mistral, qwen2, qwen3"), "{message}");
    }

    #[test]
    fn variants_that_would_compute_something_else_are_refused() {
        for (field, value) in [
            ("mlp_bias", json!(true)),
            ("hidden_act", json!("gelu")),
            ("quantization_config", json!({ "quant_method": "gptq" })),
            ("rope_scaling", json!({ "rope_type": "yarn", "factor": 4.0 })),
        ] {
            let mut json = llama();
            json[field] = value;
            assert!(matches!(read(&json), Err(ConfigError::UnsupportedFeature { .. })), "{field}");
        }
    }

    #[test]
    fn impossible_sizes_are_refused_by_name() {
        let impossible = [
            ("num_attention_heads", 0),
            ("num_key_value_heads", 7),
            ("head_dim", 63),
            ("hidden_size", 2047),
            ("intermediate_size", 8191),
        ];
        for (field, value) in impossible {
            let mut json = llama();
            json[field] = json!(value);
            let message = read(&json).unwrap_err().to_string();
            assert!(message.contains("num_") || message.contains(field), "{message}");
        }
    }

    #[test]
    fn a_window_left_out_of_a_mistral_config_is_4096_and_null_is_none() {
        let mut json = llama();
        json["model_type"] = json!("mistral");
        assert_eq!(read(&json).unwrap().sliding_window, Some(4096));
        json["sliding_window"] = Value::Null;
        assert_eq!(read(&json).unwrap().sliding_window, None);
    }

    #[test]
    fn families_differ_in_biases_and_head_norms() {
        let mut json = llama();
        json["model_type"] = json!("qwen2");
        let names: Vec<String> = read(&json).unwrap().tensor_shapes().map(|(name, _)| name).collect();
        assert!(names.contains(&"model.layers.15.self_attn.v_proj.bias".to_owned()));
        json["model_type"] = json!("qwen3");
        let names: Vec<String> = read(&json).unwrap().tensor_shapes().map(|(name, _)| name).collect();
        assert!(names.contains(&"model.layers.0.self_attn.q_norm.weight".to_owned()));
        assert!(!names.iter().any(|name| name.ends_with("bias") || name == "lm_head.weight"));
    }
}
