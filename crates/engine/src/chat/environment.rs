//! Jinja as Hugging Face sets it up for chat templates: trimmed blocks, loop controls, Python's string
//! methods, `raise_exception`, `strftime_now` and `tojson`.

use super::json;
use chrono::NaiveDate;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// What `strftime_now` tells every template. Today's date would make the same conversation render to
/// other tokens in training, testing and use; this is the date that Llama's templates fall back to.
const DATE: Option<NaiveDate> = NaiveDate::from_ymd_opt(2024, 7, 26);

/// Jinja's own limit on work: no real template comes near, and a hostile one stops.
const FUEL: u64 = 50_000_000;

pub(super) fn build() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", json::to_json);
    Ok(environment)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn strftime_now(format: &str) -> Result<String, Error> {
    use std::fmt::Write as _;
    let midnight = DATE.and_then(|date| date.and_hms_opt(0, 0, 0)).unwrap_or_default();
    let mut text = String::new();
    write!(text, "{}", midnight.format(format))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("unknown date format \"{format}\"")))?;
    Ok(text)
}
