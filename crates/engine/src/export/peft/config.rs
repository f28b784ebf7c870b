//! `adapter_config.json` of Hugging Face PEFT, to and from [`LoraConfig`].

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ExportError;
use crate::adapter::{LoraConfig, TargetModule};

pub(super) fn to_json(config: &LoraConfig, base_model: &str) -> Value {
    let target_modules: Vec<&str> = config.target_modules.iter().copied().map(TargetModule::name).collect();
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "revision": null,
        "inference_mode": true,
        "r": config.rank,
        "lora_alpha": shortest(config.alpha),
        "lora_dropout": shortest(config.dropout),
        "target_modules": target_modules,
        "bias": "none",
        "lora_bias": false,
        "fan_in_fan_out": false,
        "use_dora": config.weight_decomposed,
        "use_rslora": config.rank_stabilised,
        "init_lora_weights": true,
        "modules_to_save": null,
        "layers_to_transform": null,
        "layers_pattern": null,
        "layer_replication": null,
        "rank_pattern": {},
        "alpha_pattern": {},
        "auto_mapping": null,
    })
}

/// 0.05 rather than 0.05000000074505806, and 32 rather than 32.0.
fn shortest(value: f32) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_else(|_| json!(value))
}

#[derive(Deserialize)]
struct Fields {
    peft_type: String,
    #[serde(default)]
    task_type: Option<String>,
    r: usize,
    lora_alpha: f32,
    #[serde(default)]
    lora_dropout: f32,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
}

/// Everything but the modules, which are taken from the tensors: those cannot be mistaken, and here they may
/// be a pattern.
pub(super) fn read(path: &Path) -> Result<LoraConfig, ExportError> {
    let text = std::fs::read_to_string(path).map_err(ExportError::io("read", path))?;
    let damaged = |error: serde_json::Error| ExportError::damaged(path, error);
    let json: Map<String, Value> = serde_json::from_str(&text).map_err(damaged)?;
    if let Some(reason) = json.iter().find_map(|(field, value)| objection(field, value)) {
        return Err(ExportError::unsupported(path, reason));
    }
    let fields: Fields = serde_json::from_value(Value::Object(json)).map_err(damaged)?;
    let refused = |reason: String| Err(ExportError::unsupported(path, reason));
    if fields.peft_type != "LORA" {
        return refused(format!("\"peft_type\" is \"{}\"; only LORA adapters are read", fields.peft_type));
    }
    if let Some(task) = fields.task_type.filter(|task| task != "CAUSAL_LM") {
        return refused(format!("\"task_type\" is \"{task}\"; only CAUSAL_LM adapters are read"));
    }
    if fields.r == 0 || !fields.lora_alpha.is_finite() || !(0.0..1.0).contains(&fields.lora_dropout) {
        let reason =
            "\"r\" must be at least 1, \"lora_alpha\" a number, \"lora_dropout\" at least 0 and below 1";
        return Err(ExportError::damaged(path, reason));
    }
    Ok(LoraConfig {
        rank: fields.r,
        alpha: fields.lora_alpha,
        dropout: fields.lora_dropout,
        target_modules: Vec::new(),
        rank_stabilised: fields.use_rslora,
        weight_decomposed: fields.use_dora,
    })
}

/// Fields that are read elsewhere, or that do not change what the adapter computes.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora",
    "target_modules", "exclude_modules",
    "base_model_name_or_path", "revision", "auto_mapping", "inference_mode", "peft_version",
    "megatron_core", "qalora_group_size", "layers_pattern", "eva_config", "loftq_config", "runtime_config",
];

/// Initialisations that leave the base model's weights alone. The others (PiSSA, OLoRA, CorDA, LoftQ)
/// change them, and the adapter is then nothing without that change.
const PURE_INITIALISATIONS: &[&str] = &["gaussian", "eva", "orthogonal"];

/// Why a field stands in the way. Whatever is switched on and not known to be harmless does, also what
/// later versions of PEFT may add.
fn objection(field: &str, value: &Value) -> Option<String> {
    let neutral = match (field, value) {
        ("bias", Value::String(bias)) => bias == "none",
        ("init_lora_weights", Value::Bool(_)) => true,
        ("init_lora_weights", Value::String(method)) => PURE_INITIALISATIONS.contains(&method.as_str()),
        (_, Value::Null | Value::Bool(false)) => true,
        (_, Value::Array(items)) if items.is_empty() => true,
        (_, Value::Object(items)) if items.is_empty() => true,
        _ => HARMLESS.contains(&field),
    };
    (!neutral)
        .then(|| format!("\"{field}\" is {value}, which is not supported; train the adapter without it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(field: &str, value: Value) -> Result<LoraConfig, ExportError> {
        let mut json = to_json(&LoraConfig::default(), "base");
        json[field] = value;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json.to_string()).unwrap();
        read(file.path())
    }

    #[test]
    fn numbers_are_written_as_people_write_them_and_read_back() {
        let json = to_json(&LoraConfig::default(), "base").to_string();
        assert!(json.contains("\"lora_dropout\":0.05,") && json.contains("\"lora_alpha\":128,"), "{json}");
        let read = read_with("revision", json!("main")).unwrap();
        assert_eq!((read.rank, read.alpha, read.dropout), (64, 128.0, 0.05));
    }

    #[test]
    fn what_an_adapter_here_cannot_represent_is_refused_by_name() {
        for (field, value) in [
            ("bias", json!("lora_only")),
            ("lora_bias", json!(true)),
            ("modules_to_save", json!(["lm_head"])),
            ("rank_pattern", json!({ "q_proj": 8 })),
            ("layers_to_transform", json!([0])),
            ("fan_in_fan_out", json!(true)),
            ("init_lora_weights", json!("pissa_niter_4")),
            ("peft_type", json!("IA3")),
            ("a_field_of_the_future", json!({ "on": true })),
        ] {
            let error = read_with(field, value).unwrap_err();
            assert!(matches!(error, ExportError::Unsupported { .. }), "{field}");
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn rank_stabilised_and_decomposed_adapters_are_known_as_such() {
        let (stabilised, decomposed) =
            (read_with("use_rslora", json!(true)), read_with("use_dora", json!(true)));
        assert!(stabilised.is_ok_and(|config| config.rank_stabilised && !config.weight_decomposed));
        assert!(decomposed.is_ok_and(|config| config.weight_decomposed && !config.rank_stabilised));
    }

    #[test]
    fn settings_of_training_alone_are_no_obstacle() {
        for (field, value) in
            [("init_lora_weights", json!("gaussian")), ("target_modules", json!(".*_proj")), ("r", json!(4))]
        {
            assert!(read_with(field, value).is_ok(), "{field}");
        }
    }
}
