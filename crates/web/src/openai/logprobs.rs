//! Log-probabilities of tokens as clients read them.

use gradus_app::serving::protocol::{NamedToken, ScoredToken};
use serde::Serialize;

/// A token of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenLogprob {
    /// Its text; bytes that are no whole character show as U+FFFD.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The most probable tokens in its place.
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that might have stood in an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopLogprob {
    /// Its text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl From<&NamedToken> for TopLogprob {
    fn from(token: &NamedToken) -> Self {
        Self {
            token: String::from_utf8_lossy(&token.bytes).into_owned(),
            logprob: token.log_probability,
            bytes: token.bytes.clone(),
        }
    }
}

impl From<&ScoredToken> for TokenLogprob {
    fn from(scored: &ScoredToken) -> Self {
        let TopLogprob { token, logprob, bytes } = TopLogprob::from(&scored.token);
        let top_logprobs = scored.alternatives.iter().map(TopLogprob::from).collect();
        Self { token, logprob, bytes, top_logprobs }
    }
}

/// All of some tokens.
pub(super) fn of(tokens: &[ScoredToken]) -> Vec<TokenLogprob> {
    tokens.iter().map(TokenLogprob::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact_where_the_text_cannot_be() {
        let half = NamedToken { bytes: vec![0xE2, 0x82], log_probability: -0.5 };
        let scored = ScoredToken { token: half.clone(), alternatives: vec![half] };
        let wire = serde_json::to_value(TokenLogprob::from(&scored)).unwrap();
        assert_eq!(wire["bytes"], serde_json::json!([0xE2, 0x82]));
        assert_eq!(wire["token"], "\u{FFFD}");
        assert_eq!(wire["top_logprobs"][0]["logprob"], -0.5);
    }
}
