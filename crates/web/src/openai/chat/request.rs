//! A request for a chat completion, from its body.

use std::collections::BTreeMap;

use gradus_app::answering::AnswerFormat;
use gradus_app::engine::chat::Message;
use gradus_app::serving::{Ask, Fault, Sampling, ServedModel};
use serde_json::Value;

use super::super::fields::{Fields, number, wrong_type};
use super::super::refusal::Parameters;
use super::super::sampling::{MOST_TOP_LOGPROBS, nucleus, temperature_and_top_p, without_effect};
use super::super::{Refusal, format, messages};

/// Most answers to one request.
const MOST_CHOICES: usize = 16;
/// Most tokens with a bias of their own.
const MOST_BIASES: usize = 1024;
/// Most texts that end an answer.
const MOST_STOPS: usize = 4;

/// A request for a chat completion.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model, by its name.
    pub model: String,
    /// Whether the answer is to come as it grows.
    pub stream: bool,
    /// Whether a stream is to end with what it took.
    pub include_usage: bool,
    /// How many answers.
    pub choices: usize,
    messages: Vec<Message>,
    sampling: Sampling,
    format: Option<AnswerFormat>,
}

impl ChatRequest {
    /// Reads a request's body. `seed` is used where it names none.
    ///
    /// # Errors
    /// Names the first parameter that is missing, wrong, unknown or not supported.
    pub fn read(body: &Value, seed: u64) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        let model = fields.required("model")?;
        let model = model.as_str().ok_or_else(|| wrong_type("model", "a string", model))?.to_owned();
        let list = fields.required("messages")?;
        let list = list.as_array().ok_or_else(|| wrong_type("messages", "an array", list))?;
        let messages = messages::chat(list)?;
        let stream = fields.boolean("stream")?.unwrap_or(false);
        let include_usage = stream_options(&mut fields, stream)?;
        let choices = fields.whole("n", 1..=MOST_CHOICES)?.unwrap_or(1);
        let sampling = sampling(&mut fields, seed)?;
        let format = fields.take("response_format");
        let format = format.map(|value| format::read("response_format", value, true)).transpose()?.flatten();
        without_effect(&mut fields)?;
        fields.only("modalities", |value| *value == serde_json::json!(["text"]))?;
        fields.none_of(&[
            "audio",
            "function_call",
            "functions",
            "prediction",
            "reasoning_effort",
            "verbosity",
            "web_search_options",
        ])?;
        fields.finish()?;
        Ok(Self { model, stream, include_usage, choices, messages, sampling, format })
    }

    /// Whether log-probabilities were asked for.
    pub fn wants_logprobs(&self) -> bool {
        self.sampling.log_probabilities.is_some()
    }

    /// What is asked of the model that the name stands for.
    pub fn ask(&self, model: ServedModel) -> Ask {
        Ask {
            model,
            messages: self.messages.clone(),
            choices: self.choices,
            sampling: self.sampling.clone(),
            format: self.format.clone(),
        }
    }

    /// What a model's fault is to the client.
    pub fn refusal(fault: &Fault) -> Refusal {
        let format = "response_format.json_schema.schema";
        Refusal::of_fault(fault, Parameters { conversation: "messages", format })
    }
}

fn stream_options(fields: &mut Fields<'_>, stream: bool) -> Result<bool, Refusal> {
    let Some(options) = fields.take("stream_options") else { return Ok(false) };
    if !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Refusal::invalid("stream_options", "invalid_value", message));
    }
    let mut options = Fields::of("stream_options", options)?;
    let include_usage = options.boolean("include_usage")?.unwrap_or(false);
    options.without_effect(&["include_obfuscation"]);
    options.finish()?;
    Ok(include_usage)
}

fn sampling(fields: &mut Fields<'_>, seed: u64) -> Result<Sampling, Refusal> {
    let (temperature, top_p) = temperature_and_top_p(fields)?;
    Ok(Sampling {
        max_tokens: max_tokens(fields)?,
        temperature,
        top_p: nucleus(top_p),
        presence_penalty: fields.number("presence_penalty", -2.0..=2.0)?.unwrap_or(0.0),
        frequency_penalty: fields.number("frequency_penalty", -2.0..=2.0)?.unwrap_or(0.0),
        logit_bias: logit_bias(fields)?,
        seed: given_seed(fields)?.unwrap_or(seed),
        stop: stop(fields)?,
        log_probabilities: logprobs(fields)?,
    })
}

fn max_tokens(fields: &mut Fields<'_>) -> Result<Option<usize>, Refusal> {
    let former = fields.whole("max_tokens", 1..=usize::MAX)?;
    let current = fields.whole("max_completion_tokens", 1..=usize::MAX)?;
    if former.is_some() && current.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(Refusal::invalid("max_tokens", "invalid_parameter_combination", message));
    }
    Ok(former.or(current))
}

fn given_seed(fields: &mut Fields<'_>) -> Result<Option<u64>, Refusal> {
    let Some(value) = fields.take("seed") else { return Ok(None) };
    // A negative seed is one like any other.
    let seed = value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
    seed.map(Some).ok_or_else(|| wrong_type("seed", "an integer", value))
}

fn stop(fields: &mut Fields<'_>) -> Result<Vec<String>, Refusal> {
    let Some(value) = fields.take("stop") else { return Ok(Vec::new()) };
    let texts = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => {
            let text = |(index, text): (usize, &Value)| {
                let param = format!("stop[{index}]");
                text.as_str().map(str::to_owned).ok_or_else(|| wrong_type(&param, "a string", text))
            };
            texts.iter().enumerate().map(text).collect::<Result<_, _>>()?
        }
        other => return Err(wrong_type("stop", "a string or an array of strings", other)),
    };
    if texts.len() > MOST_STOPS || texts.iter().any(String::is_empty) {
        let message = format!("Invalid 'stop': expected at most {MOST_STOPS} texts, none of them empty.");
        return Err(Refusal::invalid("stop", "invalid_value", message));
    }
    Ok(texts)
}

fn logprobs(fields: &mut Fields<'_>) -> Result<Option<usize>, Refusal> {
    let wanted = fields.boolean("logprobs")?.unwrap_or(false);
    let top = fields.whole("top_logprobs", 0..=MOST_TOP_LOGPROBS)?;
    if top.is_some() && !wanted {
        let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
        return Err(Refusal::invalid("top_logprobs", "invalid_value", message));
    }
    Ok(wanted.then(|| top.unwrap_or(0)))
}

fn logit_bias(fields: &mut Fields<'_>) -> Result<BTreeMap<u32, f64>, Refusal> {
    let Some(value) = fields.take("logit_bias") else { return Ok(BTreeMap::new()) };
    let biases = value.as_object().ok_or_else(|| wrong_type("logit_bias", "an object", value))?;
    if biases.len() > MOST_BIASES {
        let message = format!("Invalid 'logit_bias': expected at most {MOST_BIASES} tokens.");
        return Err(Refusal::invalid("logit_bias", "invalid_value", message));
    }
    let bias = |(token, bias): (&String, &Value)| {
        let param = format!("logit_bias.{token}");
        let token = token.parse().map_err(|_| {
            let message = format!("Invalid key in 'logit_bias': '{token}'. Keys are numbers of tokens.");
            Refusal::invalid("logit_bias", "invalid_value", message)
        })?;
        Ok((token, number(&param, bias, -100.0..=100.0)?))
    };
    biases.iter().map(bias).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(more: Value) -> Value {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "a" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn read(more: Value) -> ChatRequest {
        ChatRequest::read(&body(more), 7).unwrap()
    }

    fn refused(more: Value) -> (String, &'static str) {
        let refusal = ChatRequest::read(&body(more), 7).unwrap_err();
        (refusal.param.unwrap(), refusal.code.unwrap())
    }

    #[test]
    fn what_is_not_given_is_as_openai_has_it() {
        let request = read(json!({ "temperature": null, "tools": [], "stop": null }));
        assert!(!request.stream && !request.include_usage && !request.wants_logprobs());
        let expected = Sampling { temperature: 1.0, seed: 7, ..Sampling::default() };
        assert_eq!((request.choices, request.sampling, request.format), (1, expected, None));
    }

    #[test]
    fn every_option_reaches_the_model() {
        let request = read(json!({
            "temperature": 0.5, "top_p": 0, "presence_penalty": 1, "frequency_penalty": -2, "seed": -1,
            "logit_bias": { "12": -100 }, "stop": ["a", "b"], "logprobs": true, "top_logprobs": 3,
            "max_completion_tokens": 9, "n": 2, "response_format": { "type": "json_object" },
            "stream": true, "stream_options": { "include_usage": true, "include_obfuscation": false },
            "user": "u", "metadata": { "a": "b" }, "service_tier": "auto", "store": false, "modalities": ["text"],
        }));
        let ask = request.ask(ServedModel::base("/b"));
        let expected = Sampling {
            max_tokens: Some(9),
            temperature: 0.5,
            top_p: f64::MIN_POSITIVE,
            presence_penalty: 1.0,
            frequency_penalty: -2.0,
            logit_bias: BTreeMap::from([(12, -100.0)]),
            seed: u64::MAX,
            stop: vec!["a".into(), "b".into()],
            log_probabilities: Some(3),
        };
        assert_eq!((ask.sampling, ask.choices, ask.format), (expected, 2, Some(AnswerFormat::JsonObject)));
        assert!(request.stream && request.include_usage);
        assert_eq!(read(json!({ "stop": "x", "max_tokens": 4 })).sampling.stop, ["x"]);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (name, value) in [
            ("tools", json!([{}])),
            ("functions", json!([{}])),
            ("audio", json!({})),
            ("prediction", json!({})),
            ("web_search_options", json!({})),
            ("reasoning_effort", json!("low")),
            ("store", json!(true)),
            ("modalities", json!(["audio"])),
            ("service_tier", json!("flex")),
            ("tool_choice", json!("required")),
        ] {
            assert_eq!(refused(json!({ name: value })), (name.to_owned(), "unsupported_parameter"));
        }
        assert_eq!(refused(json!({ "temprature": 1 })), ("temprature".into(), "unknown_parameter"));
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused_by_name() {
        for (body, param) in [
            (json!({ "temperature": 2.1 }), "temperature"),
            (json!({ "top_p": -0.1 }), "top_p"),
            (json!({ "n": 0 }), "n"),
            (json!({ "n": 17 }), "n"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "max_tokens": 1, "max_completion_tokens": 1 }), "max_tokens"),
            (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop"),
            (json!({ "stop": "" }), "stop"),
            (json!({ "stop": [1] }), "stop[0]"),
            (json!({ "seed": 1.5 }), "seed"),
            (json!({ "top_logprobs": 2 }), "top_logprobs"),
            (json!({ "logprobs": true, "top_logprobs": 21 }), "top_logprobs"),
            (json!({ "logit_bias": { "a": 1 } }), "logit_bias"),
            (json!({ "logit_bias": { "1": 101 } }), "logit_bias.1"),
            (
                json!({ "logit_bias": (0..1025).map(|id| (id.to_string(), json!(1))).collect::<Value>() }),
                "logit_bias",
            ),
            (json!({ "metadata": [0, 0] }), "metadata"),
            (json!({ "metadata": { "a": [0] } }), "metadata.a"),
            (json!({ "presence_penalty": 3 }), "presence_penalty"),
            (json!({ "stream_options": {} }), "stream_options"),
            (json!({ "stream": "yes" }), "stream"),
            (json!({ "messages": "hello" }), "messages"),
            (json!({ "model": null }), "model"),
            (
                json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "" } } }),
                "response_format.json_schema.name",
            ),
            (
                json!({ "response_format": { "type": "json_schema",
                    "json_schema": { "name": "a", "schema": { "enum": vec![0; 40_000] } } } }),
                "response_format.json_schema.schema",
            ),
        ] {
            assert_eq!(refused(body.clone()).0, param, "{body}");
        }
    }
}
