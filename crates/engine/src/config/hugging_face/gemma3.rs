//! What the `config.json` of Gemma 3's language model says beside the fields that all families share.

use serde_json::{Value, json};

use crate::config::{ConfigError, Design, LocalLayers, ModelConfig, Sight};

/// The one activation of published models.
pub(super) const ACTIVATION: &str = "gelu_pytorch_tanh";
/// Layers that see everything, as `layer_types` and `rope_parameters` call them.
pub(super) const WHOLE: &str = "full_attention";
const LOCAL: &str = "sliding_attention";
/// Where the configuration says nothing of it.
pub(super) const ROPE_THETA: f64 = 1_000_000.0;
const LOCAL_ROPE_THETA: f64 = 10_000.0;
const PERIOD: u64 = 6;

pub(super) fn design(json: &Value, layers: usize, head_dim: usize) -> Result<Design, ConfigError> {
    for field in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if json.get(field).is_some_and(|value| !value.is_null()) {
            return Err(ConfigError::UnsupportedFeature { what: format!("\"{field}\": {}", json[field]) });
        }
    }
    if json.get("use_bidirectional_attention").and_then(Value::as_bool) == Some(true) {
        let what = "\"use_bidirectional_attention\": true".to_owned();
        return Err(ConfigError::UnsupportedFeature { what });
    }
    let scalar = json.get("query_pre_attn_scalar").filter(|value| !value.is_null());
    let scalar = scalar.map_or(Some(256), Value::as_u64).ok_or_else(|| {
        ConfigError::invalid(
            "query_pre_attn_scalar",
            &json["query_pre_attn_scalar"],
            "must be a whole number",
        )
    })?;
    let query_scalar = Some(scalar as usize).filter(|scalar| *scalar != head_dim);
    let local = LocalLayers { period: period(json, layers)?, rope_theta: local_rope_theta(json)? };
    Ok(Design { query_scalar, local_layers: Some(local), ..Design::gemma3() })
}

/// Every so many layers one sees everything. Written as a number, or layer by layer.
fn period(json: &Value, layers: usize) -> Result<usize, ConfigError> {
    let Some(types) = json.get("layer_types").and_then(Value::as_array) else {
        let fields = ["sliding_window_pattern", "_sliding_window_pattern"];
        let period = fields.iter().find_map(|field| json.get(*field)?.as_u64()).unwrap_or(PERIOD);
        return Ok(period as usize);
    };
    let first = types.iter().position(|kind| kind == WHOLE);
    // Any period beyond the last layer leaves all layers local.
    let period = first.map_or(layers.max(types.len()) + 1, |layer| layer + 1);
    let regular = (types.iter().enumerate())
        .all(|(layer, kind)| kind == if (layer + 1).is_multiple_of(period) { WHOLE } else { LOCAL });
    if regular && types.len() == layers {
        return Ok(period);
    }
    let what = "\"layer_types\" without a regular change between sliding_attention and full_attention";
    Err(ConfigError::UnsupportedFeature { what: what.to_owned() })
}

fn local_rope_theta(json: &Value) -> Result<f64, ConfigError> {
    let parameters = json.get("rope_parameters").and_then(|rope| rope.get(LOCAL));
    if let Some(kind) = parameters.and_then(|rope| rope.get("rope_type")).filter(|kind| *kind != "default") {
        let what = format!("rope scaling of type {kind} in layers that see a window");
        return Err(ConfigError::UnsupportedFeature { what });
    }
    let theta =
        parameters.and_then(|rope| rope.get("rope_theta")).or_else(|| json.get("rope_local_base_freq"));
    let theta = theta.map_or(Some(LOCAL_ROPE_THETA), Value::as_f64);
    theta.ok_or_else(|| {
        ConfigError::invalid("rope_local_base_freq", &json["rope_local_base_freq"], "must be a number")
    })
}

/// Adds to the fields that all families share.
pub(super) fn describe(config: &ModelConfig, json: &mut Value) {
    json["hidden_activation"] = json!(ACTIVATION);
    json["attention_bias"] = json!(false);
    json["query_pre_attn_scalar"] = json!(config.query_scalar());
    json["sliding_window"] = json!(config.sliding_window);
    let Some(local) = config.design.local_layers else { return };
    json["sliding_window_pattern"] = json!(local.period);
    json["rope_local_base_freq"] = json!(local.rope_theta);
    let kind = |layer| if config.sight_of(layer) == Sight::Main { WHOLE } else { LOCAL };
    json["layer_types"] = (0..config.layers).map(kind).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> Value {
        json!({
            "model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048,
            "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
            "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
            "query_pre_attn_scalar": 256, "sliding_window": 512, "_sliding_window_pattern": 6,
            "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 32768,
            "bos_token_id": 2, "eos_token_id": [1, 106], "pad_token_id": 0
        })
    }

    fn read(json: &Value) -> Result<ModelConfig, ConfigError> {
        ModelConfig::from_hugging_face(&json.to_string())
    }

    #[test]
    fn the_published_configuration_is_read_and_survives_writing() {
        let config = read(&published()).unwrap();
        assert_eq!(config.parameter_count(), 268_098_176);
        assert!(config.tie_word_embeddings && config.query_key_norm);
        assert_eq!((config.sight_of(4), config.sight_of(5)), (Sight::Local, Sight::Main));
        assert_eq!(read(&config.to_hugging_face()).unwrap(), config);
    }

    #[test]
    fn rotations_written_apart_for_each_kind_of_layer_mean_the_same() {
        let mut newer = published();
        let fields = newer.as_object_mut().unwrap();
        for field in ["rope_theta", "rope_local_base_freq", "_sliding_window_pattern"] {
            fields.remove(field);
        }
        newer["rope_parameters"] = json!({
            "full_attention": { "rope_type": "default", "rope_theta": 1000000.0 },
            "sliding_attention": { "rope_type": "default", "rope_theta": 10000.0 },
        });
        newer["layer_types"] =
            (0..18).map(|layer| if layer % 6 == 5 { WHOLE } else { LOCAL }).collect::<Vec<_>>().into();
        assert_eq!(read(&newer).unwrap(), read(&published()).unwrap());
    }

    #[test]
    fn what_would_compute_something_else_is_refused() {
        for (field, value) in [
            ("final_logit_softcapping", json!(30.0)),
            ("hidden_activation", json!("gelu")),
            ("use_bidirectional_attention", json!(true)),
            ("layer_types", json!(["full_attention", "sliding_attention"])),
        ] {
            let mut json = published();
            json[field] = value;
            assert!(matches!(read(&json), Err(ConfigError::UnsupportedFeature { .. })), "{field}");
        }
    }
}
