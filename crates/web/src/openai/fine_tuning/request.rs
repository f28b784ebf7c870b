//! A request for a fine-tuning job, from its body.

use gradus_app::service::training_jobs::TrainingSettings;
use serde_json::{Map, Value};

use super::super::Refusal;
use super::super::fields::{Fields, unknown_word, wrong_type};
use super::super::metadata;

const LONGEST_SUFFIX: usize = 64;
const MOST_EPOCHS: usize = 50;
const MOST_IN_A_BATCH: usize = 256;
const METHODS: [&str; 3] = ["supervised", "dpo", "reinforcement"];

/// A request for a fine-tuning job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobRequest {
    pub(super) model: String,
    pub(super) training_file: String,
    pub(super) validation_file: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) settings: TrainingSettings,
    pub(super) metadata: Map<String, Value>,
}

impl JobRequest {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Names the first parameter that is missing, wrong, unknown or not supported.
    pub(super) fn read(body: &Value) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        let model = text(&mut fields, "model")?;
        let training_file = text(&mut fields, "training_file")?;
        let validation_file = fields.string("validation_file")?.map(str::to_owned);
        let suffix = suffix(&mut fields)?;
        let seed = fields.whole("seed", 0..=u32::MAX as usize)?;
        let metadata = metadata::read(&mut fields)?;
        let settings = settings(&mut fields, seed)?;
        fields.none_of(&["integrations"])?;
        fields.finish()?;
        Ok(Self { model, training_file, validation_file, suffix, settings, metadata })
    }
}

fn text(fields: &mut Fields<'_>, name: &str) -> Result<String, Refusal> {
    let value = fields.required(name)?;
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "a string", value))
}

/// Part of the model's name, whose parts stand between colons.
fn suffix(fields: &mut Fields<'_>) -> Result<Option<String>, Refusal> {
    let Some(suffix) = fields.string("suffix")? else { return Ok(None) };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if suffix.is_empty() || suffix.len() > LONGEST_SUFFIX || !suffix.chars().all(is_plain) {
        let message = format!(
            "Invalid 'suffix': it may have letters, digits, dots, dashes and underscores, at most {LONGEST_SUFFIX}."
        );
        return Err(Refusal::invalid("suffix", "invalid_value", message));
    }
    Ok(Some(suffix.to_owned()))
}

fn settings(fields: &mut Fields<'_>, seed: Option<usize>) -> Result<TrainingSettings, Refusal> {
    let former = fields.take("hyperparameters");
    let current = method(fields)?;
    let (param, given) = match (former, current) {
        (Some(_), Some(_)) => {
            let message = "'hyperparameters' is what 'method.supervised.hyperparameters' was called before: give one \
                of them.";
            return Err(Refusal::invalid("hyperparameters", "invalid_parameter_combination", message));
        }
        (Some(former), None) => ("hyperparameters", Some(former)),
        (None, current) => ("method.supervised.hyperparameters", current),
    };
    let settings = given.map(|given| hyperparameters(param, given)).transpose()?.unwrap_or_default();
    Ok(TrainingSettings { seed: seed.map(|seed| seed as u64), ..settings })
}

/// The hyperparameters of the method that is asked for, if any.
fn method<'a>(fields: &mut Fields<'a>) -> Result<Option<&'a Value>, Refusal> {
    let Some(method) = fields.take("method") else { return Ok(None) };
    let mut method = Fields::of("method", method)?;
    let kind = method.required("type")?;
    match kind.as_str() {
        Some("supervised") => {}
        Some(known) if METHODS.contains(&known) => {
            let message = format!(
                "Unsupported value: 'method.type' is '{known}', and this server fine-tunes with 'supervised' alone."
            );
            return Err(Refusal::invalid("method.type", "unsupported_value", message));
        }
        Some(other) => return Err(unknown_word("method.type", other, &METHODS[..1])),
        None => return Err(wrong_type("method.type", "a string", kind)),
    }
    let supervised = method.take("supervised");
    method.none_of(&METHODS[1..])?;
    method.finish()?;
    let Some(supervised) = supervised else { return Ok(None) };
    let mut supervised = Fields::of("method.supervised", supervised)?;
    let given = supervised.take("hyperparameters");
    supervised.finish()?;
    Ok(given)
}

fn hyperparameters(param: &str, given: &Value) -> Result<TrainingSettings, Refusal> {
    let mut fields = Fields::of(param, given)?;
    for name in ["n_epochs", "batch_size", "learning_rate_multiplier"] {
        fields.skip_auto(name);
    }
    let epochs = fields.whole("n_epochs", 1..=MOST_EPOCHS)?;
    let settings = TrainingSettings {
        epochs: epochs.and_then(|epochs| u32::try_from(epochs).ok()),
        batch_size: fields.whole("batch_size", 1..=MOST_IN_A_BATCH)?,
        learning_rate_multiplier: fields.number("learning_rate_multiplier", 1e-4..=1e4)?,
        ..TrainingSettings::default()
    };
    fields.finish()?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: Value) -> Result<JobRequest, Refusal> {
        let mut body = json!({ "model": "m", "training_file": "file-1" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        JobRequest::read(&body)
    }

    #[test]
    fn hyperparameters_are_read_in_both_places_and_auto_is_left_to_the_server() {
        let given = json!({ "n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": 0.5 });
        let expected = TrainingSettings {
            epochs: Some(2),
            learning_rate_multiplier: Some(0.5),
            seed: Some(7),
            ..TrainingSettings::default()
        };
        let former = read(json!({ "hyperparameters": given, "seed": 7 })).unwrap();
        assert_eq!(former.settings, expected);
        let method = json!({ "type": "supervised", "supervised": { "hyperparameters": given }, "dpo": null });
        let current =
            read(json!({ "method": method, "seed": 7, "integrations": [], "suffix": "biology.v2" }));
        let current = current.unwrap();
        assert_eq!((current.settings, current.suffix.as_deref()), (expected, Some("biology.v2")));
        assert_eq!(read(json!({})).unwrap().settings, TrainingSettings::default());
    }

    #[test]
    fn what_is_wrong_or_cannot_be_done_is_refused_by_name() {
        let supervised = |given: Value| json!({ "method": { "type": "supervised", "supervised": { "hyperparameters": given } } });
        let prefix = "method.supervised.hyperparameters";
        for (more, param) in [
            (json!({ "model": null }), "model".to_owned()),
            (json!({ "training_file": 3 }), "training_file".to_owned()),
            (json!({ "suffix": "a:b" }), "suffix".to_owned()),
            (json!({ "suffix": "x".repeat(65) }), "suffix".to_owned()),
            (json!({ "seed": -1 }), "seed".to_owned()),
            (json!({ "integrations": [{ "type": "wandb" }] }), "integrations".to_owned()),
            (json!({ "method": { "type": "dpo", "dpo": {} } }), "method.type".to_owned()),
            (json!({ "method": { "type": "reinforcement" } }), "method.type".to_owned()),
            (json!({ "method": { "type": "magic" } }), "method.type".to_owned()),
            (json!({ "method": { "type": "supervised", "dpo": {} } }), "method.dpo".to_owned()),
            (supervised(json!({ "n_epochs": 0 })), format!("{prefix}.n_epochs")),
            (supervised(json!({ "n_epochs": "many" })), format!("{prefix}.n_epochs")),
            (supervised(json!({ "batch_size": 257 })), format!("{prefix}.batch_size")),
            (
                supervised(json!({ "learning_rate_multiplier": 0 })),
                format!("{prefix}.learning_rate_multiplier"),
            ),
            (supervised(json!({ "beta": 1 })), format!("{prefix}.beta")),
            (
                json!({ "hyperparameters": { "compute_multiplier": 1 } }),
                "hyperparameters.compute_multiplier".to_owned(),
            ),
            (json!({ "colour": 1 }), "colour".to_owned()),
        ] {
            let refusal = read(more).unwrap_err();
            assert_eq!(refusal.param, Some(param), "{refusal:?}");
        }
        let mut both = supervised(json!({ "n_epochs": 1 }));
        both["hyperparameters"] = json!({ "n_epochs": 1 });
        assert_eq!(read(both).unwrap_err().code, Some("invalid_parameter_combination"));
    }
}
