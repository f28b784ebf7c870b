//! Generating text token by token: greedy, or sampled with temperature and nucleus.

use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError};
use crate::random::Random;
use crate::reading::{Piece, Reader};

/// How to choose tokens and when to stop.
#[derive(Debug, Clone)]
pub struct GenerationOptions {
    /// Most tokens to generate.
    pub max_tokens: usize,
    /// 0 always takes the most probable token; higher is more varied.
    pub temperature: f64,
    /// Only the most probable tokens whose probabilities add up to this are sampled (Holtzman et al. 2020).
    pub top_p: f64,
    /// Seed of the sampling.
    pub seed: u64,
    /// Tokens that end the text (and are not part of it).
    pub stop_tokens: Vec<u32>,
}

impl Default for GenerationOptions {
    fn default() -> Self {
        Self { max_tokens: 256, temperature: 0.0, top_p: 1.0, seed: 0, stop_tokens: Vec::new() }
    }
}

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop token came, or the caller had enough.
    Stop,
    /// The limit of tokens or of the model's context was reached.
    Length,
}

/// Continues `prompt`. Every token is handed to `visit`, which ends the generation by returning false.
pub fn generate(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    prompt: &[u32],
    options: &GenerationOptions,
    visit: &mut dyn FnMut(u32) -> bool,
) -> Result<FinishReason, BackendError> {
    let context = backend.config().context_length;
    let mut random = Random::new(&[options.seed, 0x6E4E]);
    let mut reader = Reader::new(backend, prompt.len() + options.max_tokens);
    let adapter = adapter.map(|adapter| reader.adapt(adapter)).transpose()?;
    let sequence = reader.start(adapter);
    let mut read = |tokens: &[u32]| -> Result<(Vec<f32>, usize), BackendError> {
        let logits = reader.read(&[Piece { sequence, tokens, logits: true }])?;
        Ok((logits, reader.length(sequence)))
    };
    let (mut logits, mut length) = read(prompt)?;
    for _ in 0..options.max_tokens {
        let token = choose(&logits, options, &mut random);
        if options.stop_tokens.contains(&token) || !visit(token) {
            return Ok(FinishReason::Stop);
        }
        if length >= context {
            break;
        }
        (logits, length) = read(&[token])?;
    }
    Ok(FinishReason::Length)
}

fn choose(logits: &[f32], options: &GenerationOptions, random: &mut Random) -> u32 {
    if options.temperature <= 0.0 {
        return most_probable(logits);
    }
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| (f64::from(logit - highest) / options.temperature).exp();
    let mut candidates: Vec<(u32, f64)> =
        logits.iter().enumerate().map(|(token, logit)| (token as u32, weight(*logit))).collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
    let mut kept = 0.0;
    let nucleus = candidates
        .iter()
        .take_while(|(_, weight)| {
            let before = kept;
            kept += weight / total;
            before < options.top_p
        })
        .count();
    let nucleus = &candidates[..nucleus.max(1)];
    let mut draw = random.uniform() * nucleus.iter().map(|(_, weight)| weight).sum::<f64>();
    for (token, weight) in nucleus {
        draw -= weight;
        if draw <= 0.0 {
            return *token;
        }
    }
    nucleus[nucleus.len() - 1].0
}

/// The first of the highest.
fn most_probable(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    best.map_or(0, |(token, _)| token as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [1.0, 3.0, 3.0, -2.0];

    #[test]
    fn without_temperature_the_first_of_the_most_probable_tokens_is_taken() {
        let mut random = Random::new(&[1]);
        assert_eq!(choose(&LOGITS, &GenerationOptions::default(), &mut random), 1);
    }

    #[test]
    fn the_nucleus_cuts_off_improbable_tokens() {
        let options = GenerationOptions { temperature: 1.0, top_p: 0.9, ..GenerationOptions::default() };
        let mut random = Random::new(&[1]);
        let drawn: Vec<u32> = (0..500).map(|_| choose(&LOGITS, &options, &mut random)).collect();
        assert!(drawn.iter().all(|token| [1, 2].contains(token)));
        let first = drawn.iter().filter(|token| **token == 1).count();
        assert!((200..300).contains(&first), "{first}");
    }
}
