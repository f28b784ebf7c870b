//! Reading the fields of a JSON object so that every fault names its parameter: one of the wrong type, one
//! out of range, one that is not supported, one that nobody knows.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::Refusal;

/// The fields of an object that were not looked at yet. `null` is as good as absent.
pub(super) struct Fields<'a> {
    /// Where the object stands: `messages[0].` or nothing.
    prefix: String,
    left: Vec<(&'a str, &'a Value)>,
}

impl<'a> Fields<'a> {
    /// The fields of the request's body.
    pub(super) fn of_body(body: &'a Value) -> Result<Self, Refusal> {
        let object = body.as_object().ok_or_else(|| {
            let message = "The body has to be a JSON object.";
            Refusal { param: None, ..Refusal::invalid("", "invalid_type", message) }
        })?;
        Ok(Self::new(String::new(), object))
    }

    /// The fields of the object that stands as `param`.
    pub(super) fn of(param: &str, value: &'a Value) -> Result<Self, Refusal> {
        let object = value.as_object().ok_or_else(|| wrong_type(param, "an object", value))?;
        Ok(Self::new(format!("{param}."), object))
    }

    fn new(prefix: String, object: &'a Map<String, Value>) -> Self {
        let given = object.iter().filter(|(_, value)| !value.is_null());
        Self { prefix, left: given.map(|(name, value)| (name.as_str(), value)).collect() }
    }

    /// The parameter that a field is to the client.
    pub(super) fn param(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<&'a Value> {
        let index = self.left.iter().position(|(field, _)| *field == name)?;
        Some(self.left.swap_remove(index).1)
    }

    pub(super) fn required(&mut self, name: &str) -> Result<&'a Value, Refusal> {
        let param = self.param(name);
        self.take(name).ok_or_else(|| {
            let message = format!("Missing required parameter: '{param}'.");
            Refusal::invalid(param, "missing_required_parameter", message)
        })
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let param = self.param(name);
        self.take(name)
            .map(|value| value.as_str().ok_or_else(|| wrong_type(&param, "a string", value)))
            .transpose()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        let param = self.param(name);
        self.take(name)
            .map(|value| value.as_bool().ok_or_else(|| wrong_type(&param, "a boolean", value)))
            .transpose()
    }

    pub(super) fn array(&mut self, name: &str) -> Result<Option<&'a Vec<Value>>, Refusal> {
        let param = self.param(name);
        self.take(name)
            .map(|value| value.as_array().ok_or_else(|| wrong_type(&param, "an array", value)))
            .transpose()
    }

    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Refusal> {
        let param = self.param(name);
        self.take(name).map(|value| number(&param, value, range)).transpose()
    }

    pub(super) fn whole(
        &mut self,
        name: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, Refusal> {
        let param = self.param(name);
        let Some(value) = self.take(name) else { return Ok(None) };
        if !(value.is_u64() || value.is_i64()) {
            return Err(wrong_type(&param, "an integer", value));
        }
        let whole = value.as_u64().and_then(|whole| usize::try_from(whole).ok());
        match whole.filter(|whole| range.contains(whole)) {
            Some(whole) => Ok(Some(whole)),
            None => Err(out_of_range(
                &param,
                value,
                &limits(range.start(), range.end(), *range.end() == usize::MAX),
            )),
        }
    }

    /// Takes the field away if it is `"auto"`, which leaves the choice to the server.
    pub(super) fn skip_auto(&mut self, name: &str) {
        self.left.retain(|(field, value)| *field != name || value.as_str() != Some("auto"));
    }

    /// Fields that are accepted and have no effect here.
    pub(super) fn without_effect(&mut self, names: &[&str]) {
        self.left.retain(|(name, _)| !names.contains(name));
    }

    /// A field of which only some values are supported, which are what the server does anyway.
    pub(super) fn only(&mut self, name: &str, is_neutral: impl Fn(&Value) -> bool) -> Result<(), Refusal> {
        match self.take(name) {
            Some(value) if !is_neutral(value) => Err(self.unsupported(name)),
            _ => Ok(()),
        }
    }

    /// Fields that are not supported, unless they are empty.
    pub(super) fn none_of(&mut self, names: &[&str]) -> Result<(), Refusal> {
        let is_empty =
            |value: &Value| value.as_array().is_some_and(Vec::is_empty) || *value == Value::Bool(false);
        names.iter().try_for_each(|name| self.only(name, is_empty))
    }

    fn unsupported(&self, name: &str) -> Refusal {
        let param = self.param(name);
        let message = format!(
            "Unsupported parameter: '{param}' is not supported by this server in that form; leave it out."
        );
        Refusal::invalid(param, "unsupported_parameter", message)
    }

    /// Refuses what nobody looked at.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => {
                let param = self.param(name);
                let message = format!("Unknown parameter: '{param}'.");
                Err(Refusal::invalid(param, "unknown_parameter", message))
            }
        }
    }
}

/// A number within a range.
pub(super) fn number(param: &str, value: &Value, range: RangeInclusive<f64>) -> Result<f64, Refusal> {
    let number = value.as_f64().ok_or_else(|| wrong_type(param, "a number", value))?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(out_of_range(param, value, &limits(range.start(), range.end(), range.end().is_infinite())))
}

fn limits(least: &dyn std::fmt::Display, most: &dyn std::fmt::Display, is_open: bool) -> String {
    if is_open { format!("at least {least}") } else { format!("between {least} and {most}") }
}

fn out_of_range(param: &str, value: &Value, expected: &str) -> Refusal {
    let message = format!("Invalid '{param}': it is {value} and has to be {expected}.");
    Refusal::invalid(param, "invalid_value", message)
}

pub(super) fn wrong_type(param: &str, expected: &str, value: &Value) -> Refusal {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{param}': expected {expected}, but got {got} instead.");
    Refusal::invalid(param, "invalid_type", message)
}

/// One of several words.
pub(super) fn unknown_word(param: &str, word: &str, known: &[&str]) -> Refusal {
    let message =
        format!("Invalid value for '{param}': '{word}'. Supported values are: {}.", known.join(", "));
    Refusal::invalid(param, "invalid_value", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn faults_name_their_parameter() {
        let body =
            json!({ "a": { "whole": 1.5, "text": 3, "few": 9, "extra": 1, "tools": [], "none": null } });
        let mut fields = Fields::of("a", &body["a"]).unwrap();
        let whole = fields.whole("whole", 0..=3).unwrap_err();
        assert_eq!((whole.param.as_deref(), whole.code), (Some("a.whole"), Some("invalid_type")));
        assert!(fields.string("text").unwrap_err().message.contains("expected a string, but got a number"));
        assert!(fields.whole("few", 1..=8).unwrap_err().message.contains("between 1 and 8"));
        assert_eq!(fields.string("none").unwrap(), None);
        assert_eq!(fields.required("none").unwrap_err().code, Some("missing_required_parameter"));
        fields.none_of(&["tools"]).unwrap();
        let unknown = fields.finish().unwrap_err();
        assert_eq!((unknown.param.as_deref(), unknown.code), (Some("a.extra"), Some("unknown_parameter")));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name_unless_it_is_empty() {
        let body = json!({ "tools": [{}], "audio": {}, "background": false });
        let mut fields = Fields::of_body(&body).unwrap();
        let refused = fields.none_of(&["background", "tools", "audio"]).unwrap_err();
        assert_eq!((refused.param.as_deref(), refused.code), (Some("tools"), Some("unsupported_parameter")));
        assert!(Fields::of_body(&json!([])).is_err());
    }
}
