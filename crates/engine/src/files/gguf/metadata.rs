//! Typed look-ups in GGUF metadata, whose writers disagree about integer widths.

use crate::config::ConfigError;
use candle_core::quantized::gguf_file::Value;
use std::collections::HashMap;

/// The key-value part of a GGUF header.
pub(super) struct Metadata<'a>(&'a HashMap<String, Value>);

impl<'a> Metadata<'a> {
    pub(super) fn new(values: &'a HashMap<String, Value>) -> Self {
        Self(values)
    }

    pub(super) fn size(&self, key: &str) -> Result<usize, ConfigError> {
        self.optional_size(key)?.ok_or_else(|| ConfigError::Missing { field: key.to_owned() })
    }

    pub(super) fn optional_size(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        let size = integer(value).and_then(|number| usize::try_from(number).ok());
        let wrong = || ConfigError::invalid(key, kind(value), "must be a number of 0 or more");
        size.map(Some).ok_or_else(wrong)
    }

    pub(super) fn token_id(&self, key: &str) -> Option<u32> {
        self.0.get(key).and_then(integer).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.0.get(key)? {
            // The shortest decimal that reads back as the same f32 is what was meant: 1e-5, not 9.99999974e-6.
            Value::F32(number) => number.to_string().parse().ok(),
            Value::F64(number) => Some(*number),
            other => integer(other).map(|number| number as f64),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.0.get(key)?.to_bool().ok()
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, ConfigError> {
        self.optional_text(key).ok_or_else(|| ConfigError::Missing { field: key.to_owned() })
    }

    pub(super) fn optional_text(&self, key: &str) -> Option<&'a str> {
        match self.0.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The strings of an array; empty when there is none.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.array(key).iter().filter_map(|value| value.to_string().ok().cloned()).collect()
    }

    /// The integers of an array; empty when there is none.
    pub(super) fn integers(&self, key: &str) -> Vec<i64> {
        self.array(key).iter().filter_map(integer).collect()
    }

    /// The f32 values of an array; empty when there is none.
    pub(super) fn floats(&self, key: &str) -> Vec<f32> {
        self.array(key).iter().filter_map(|value| value.to_f32().ok()).collect()
    }

    fn array(&self, key: &str) -> &'a [Value] {
        match self.0.get(key) {
            Some(Value::Array(values)) => values,
            _ => &[],
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::U8(number) => Some((*number).into()),
        Value::I8(number) => Some((*number).into()),
        Value::U16(number) => Some((*number).into()),
        Value::I16(number) => Some((*number).into()),
        Value::U32(number) => Some((*number).into()),
        Value::I32(number) => Some((*number).into()),
        Value::U64(number) => i64::try_from(*number).ok(),
        Value::I64(number) => Some(*number),
        _ => None,
    }
}

/// What is there instead of a number, short enough for a message.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Array(_) => "a list (a different value for each layer)",
        Value::Bool(_) => "a yes or no",
        _ => "another number",
    }
}
