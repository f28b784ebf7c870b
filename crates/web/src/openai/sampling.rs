//! The options of sampling that requests of both kinds share.

use serde_json::Value;

use super::fields::Fields;
use super::{Refusal, metadata};

/// Most of the most probable tokens that are named.
pub(super) const MOST_TOP_LOGPROBS: usize = 20;

/// Temperature and nucleus, 1 where they are not given.
pub(super) fn temperature_and_top_p(fields: &mut Fields<'_>) -> Result<(f64, f64), Refusal> {
    let temperature = fields.number("temperature", 0.0..=2.0)?.unwrap_or(1.0);
    let top_p = fields.number("top_p", 0.0..=1.0)?.unwrap_or(1.0);
    Ok((temperature, top_p))
}

/// The nucleus as models take it: of 0, which has no token, the most probable one is left.
pub(super) fn nucleus(top_p: f64) -> f64 {
    top_p.max(f64::MIN_POSITIVE)
}

/// What clients may say about themselves, which changes no answer.
pub(super) fn without_effect(fields: &mut Fields<'_>) -> Result<(), Refusal> {
    metadata::read(fields)?;
    fields.without_effect(&[
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "parallel_tool_calls",
    ]);
    let is_usual = |value: &Value| matches!(value.as_str(), Some("auto" | "default"));
    fields.only("service_tier", is_usual)?;
    let no_tool = |value: &Value| matches!(value.as_str(), Some("none" | "auto"));
    fields.only("tool_choice", no_tool)?;
    fields.none_of(&["tools", "store", "moderation"])
}
