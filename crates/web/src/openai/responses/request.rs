//! A request for a response, from its body.

use gradus_app::answering::AnswerFormat;
use gradus_app::engine::chat::{Message, Role};
use gradus_app::serving::{Ask, Fault, Sampling, ServedModel};
use serde_json::{Map, Value, json};

use super::super::fields::{Fields, unknown_word, wrong_type};
use super::super::refusal::Parameters;
use super::super::sampling::{MOST_TOP_LOGPROBS, nucleus, temperature_and_top_p, without_effect};
use super::super::{Refusal, format, messages, metadata};

const LOGPROBS: &str = "message.output_text.logprobs";

/// A request for a response.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseRequest {
    /// The model, by its name.
    pub model: String,
    /// Whether the response is to come as it grows.
    pub stream: bool,
    pub(super) instructions: Option<String>,
    pub(super) temperature: f64,
    pub(super) top_p: f64,
    pub(super) max_output_tokens: Option<usize>,
    pub(super) top_logprobs: usize,
    /// As given: responses repeat it.
    pub(super) text_format: Value,
    pub(super) metadata: Map<String, Value>,
    pub(super) user: Option<String>,
    with_logprobs: bool,
    messages: Vec<Message>,
    seed: u64,
    format: Option<AnswerFormat>,
}

impl ResponseRequest {
    /// Reads a request's body. `seed` is that of the sampling: this kind of request cannot name one.
    ///
    /// # Errors
    /// Names the first parameter that is missing, wrong, unknown or not supported.
    pub fn read(body: &Value, seed: u64) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        let model = fields.required("model")?;
        let model = model.as_str().ok_or_else(|| wrong_type("model", "a string", model))?.to_owned();
        let instructions = fields.string("instructions")?.map(str::to_owned);
        let messages = conversation(instructions.as_deref(), fields.required("input")?)?;
        let stream = fields.boolean("stream")?.unwrap_or(false);
        if let Some(options) = fields.take("stream_options") {
            let mut options = Fields::of("stream_options", options)?;
            options.without_effect(&["include_obfuscation"]);
            options.finish()?;
        }
        let (temperature, top_p) = temperature_and_top_p(&mut fields)?;
        let max_output_tokens = fields.whole("max_output_tokens", 1..=usize::MAX)?;
        let top_logprobs = fields.whole("top_logprobs", 0..=MOST_TOP_LOGPROBS)?.unwrap_or(0);
        let with_logprobs = includes_logprobs(&mut fields)? || top_logprobs > 0;
        let (text_format, format) = text(&mut fields)?;
        let metadata = metadata::read(&mut fields)?;
        let user = fields.string("user")?.map(str::to_owned);
        fields.only("truncation", |value| value == "disabled")?;
        fields.only("reasoning", is_all_null)?;
        without_effect(&mut fields)?;
        fields.none_of(&[
            "background",
            "context_management",
            "conversation",
            "max_tool_calls",
            "previous_response_id",
            "prompt",
        ])?;
        fields.finish()?;
        Ok(Self {
            model,
            stream,
            instructions,
            temperature,
            top_p,
            max_output_tokens,
            top_logprobs,
            text_format,
            metadata,
            user,
            with_logprobs,
            messages,
            seed,
            format,
        })
    }

    /// Whether log-probabilities were asked for.
    pub fn wants_logprobs(&self) -> bool {
        self.with_logprobs
    }

    /// What is asked of the model that the name stands for.
    pub fn ask(&self, model: ServedModel) -> Ask {
        let sampling = Sampling {
            max_tokens: self.max_output_tokens,
            temperature: self.temperature,
            top_p: nucleus(self.top_p),
            seed: self.seed,
            log_probabilities: self.with_logprobs.then_some(self.top_logprobs),
            ..Sampling::default()
        };
        Ask { model, messages: self.messages.clone(), choices: 1, sampling, format: self.format.clone() }
    }

    /// What a model's fault is to the client.
    pub fn refusal(fault: &Fault) -> Refusal {
        Refusal::of_fault(fault, Parameters { conversation: "input", format: "text.format.schema" })
    }
}

fn conversation(instructions: Option<&str>, input: &Value) -> Result<Vec<Message>, Refusal> {
    let mut messages: Vec<Message> =
        instructions.map(|text| Message::new(Role::System, text)).into_iter().collect();
    match input {
        Value::String(text) => messages.push(Message::new(Role::User, text)),
        Value::Array(items) if items.is_empty() => {
            let message = "Invalid 'input': expected at least one item.";
            return Err(Refusal::invalid("input", "empty_array", message));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                messages.push(message(&format!("input[{index}]"), item)?);
            }
        }
        other => return Err(wrong_type("input", "a string or an array of items", other)),
    }
    Ok(messages)
}

fn message(param: &str, item: &Value) -> Result<Message, Refusal> {
    let mut fields = Fields::of(param, item)?;
    if let Some(kind) = fields.string("type")?.filter(|kind| *kind != "message") {
        let message = format!(
            "Unsupported value: '{param}' is of type '{kind}', and this server reads messages alone."
        );
        return Err(Refusal::invalid(param, "unsupported_value", message));
    }
    let name = fields.required("role")?;
    let name = name.as_str().ok_or_else(|| wrong_type(&fields.param("role"), "a string", name))?;
    let role = messages::role(&fields.param("role"), name)?;
    let content = fields.required("content")?;
    let text = messages::text(&fields.param("content"), content, &["input_text", "output_text"])?;
    // What clients send along when they send a response's output back.
    fields.without_effect(&["id", "status", "phase"]);
    fields.finish()?;
    Ok(Message::new(role, text))
}

fn includes_logprobs(fields: &mut Fields<'_>) -> Result<bool, Refusal> {
    let mut wanted = false;
    for (index, name) in fields.array("include")?.into_iter().flatten().enumerate() {
        let param = format!("include[{index}]");
        match name.as_str() {
            Some(LOGPROBS) => wanted = true,
            Some(other) => return Err(unknown_word(&param, other, &[LOGPROBS])),
            None => return Err(wrong_type(&param, "a string", name)),
        }
    }
    Ok(wanted)
}

fn text(fields: &mut Fields<'_>) -> Result<(Value, Option<AnswerFormat>), Refusal> {
    let plain = || json!({ "type": "text" });
    let Some(text) = fields.take("text") else { return Ok((plain(), None)) };
    let mut text = Fields::of("text", text)?;
    let given = text.take("format");
    let format = given.map(|format| format::read("text.format", format, false)).transpose()?.flatten();
    text.only("verbosity", |value| value == "medium")?;
    text.finish()?;
    Ok((given.cloned().unwrap_or_else(plain), format))
}

fn is_all_null(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.values().all(Value::is_null))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(more: Value) -> Value {
        let mut body = json!({ "model": "m", "input": "hello" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn ask(more: Value) -> Ask {
        ResponseRequest::read(&body(more), 7).unwrap().ask(ServedModel::base("/b"))
    }

    #[test]
    fn text_and_messages_become_a_conversation_below_the_instructions() {
        let expected = [Message::new(Role::System, "Be brief."), Message::new(Role::User, "hello")];
        assert_eq!(ask(json!({ "instructions": "Be brief." })).messages, expected);
        let items = json!([
            { "role": "user", "content": "a" },
            { "type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
              "content": [{ "type": "output_text", "text": "b", "annotations": [], "logprobs": null }] },
            { "role": "user", "content": [{ "type": "input_text", "text": "c" }] },
        ]);
        let expected = [
            Message::new(Role::User, "a"),
            Message::new(Role::Assistant, "b"),
            Message::new(Role::User, "c"),
        ];
        assert_eq!(ask(json!({ "input": items })).messages, expected);
    }

    #[test]
    fn options_reach_the_model() {
        let schema = json!({ "type": "object" });
        let ask = ask(json!({
            "temperature": 0, "top_p": 0.5, "max_output_tokens": 9, "include": [LOGPROBS],
            "text": { "format": { "type": "json_schema", "name": "a", "schema": schema, "strict": true } },
            "reasoning": { "effort": null }, "truncation": "disabled", "store": false, "metadata": { "a": "b" },
        }));
        let expected = Sampling {
            max_tokens: Some(9),
            top_p: 0.5,
            seed: 7,
            log_probabilities: Some(0),
            ..Sampling::default()
        };
        assert_eq!((ask.sampling, ask.format), (expected, Some(AnswerFormat::JsonSchema(schema))));
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (more, param) in [
            (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
            (json!({ "store": true }), "store"),
            (json!({ "background": true }), "background"),
            (json!({ "tools": [{}] }), "tools"),
            (json!({ "truncation": "auto" }), "truncation"),
            (json!({ "reasoning": { "effort": "low" } }), "reasoning"),
            (json!({ "include": ["reasoning.encrypted_content"] }), "include[0]"),
            (json!({ "input": [{ "type": "item_reference", "id": "a" }] }), "input[0]"),
            (
                json!({ "input": [{ "role": "user", "content": [{ "type": "input_image" }] }] }),
                "input[0].content[0]",
            ),
            (json!({ "input": [] }), "input"),
            (json!({ "input": 3 }), "input"),
            (json!({ "metadata": { "a": 1 } }), "metadata.a"),
            (json!({ "text": { "format": { "type": "json_schema" } } }), "text.format.name"),
            (json!({ "text": { "verbosity": "high" } }), "text.verbosity"),
            (json!({ "max_output_tokens": 0 }), "max_output_tokens"),
            (json!({ "seed": 1 }), "seed"),
            (json!({ "model": 1 }), "model"),
        ] {
            let refusal = ResponseRequest::read(&body(more), 0).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some(param), "{refusal:?}");
        }
    }
}
