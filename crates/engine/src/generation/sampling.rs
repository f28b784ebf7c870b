//! Choosing the next token from its logits.

use super::{GenerationOptions, TokenProbability};
use crate::random::Random;

/// Tokens whose probability is below e^-40 times that of the most probable are never drawn.
const NEGLIGIBLE: f64 = 40.0;
/// Candidates that are sorted at first, and by how much more each time where they do not suffice.
const SORTED_FIRST: usize = 64;
const SORTED_MORE: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    token: u32,
    weight: f64,
}

/// The next token; `None` where every logit is -∞. Draws one random number, or none without temperature.
pub(super) fn choose(logits: &[f32], options: &GenerationOptions, random: &mut Random) -> Option<u32> {
    let best = highest(logits)?;
    if options.temperature <= 0.0 {
        return Some(best);
    }
    let most = f64::from(logits[best as usize]);
    let floor = most - NEGLIGIBLE * options.temperature;
    let likely = logits.iter().enumerate().filter(|(_, logit)| f64::from(**logit) >= floor);
    let mut candidates: Vec<Candidate> = likely
        .map(|(token, logit)| Candidate {
            token: token as u32,
            weight: ((f64::from(*logit) - most) / options.temperature).exp(),
        })
        .collect();
    keep_nucleus(&mut candidates, options);
    let mut draw = random.uniform() * candidates.iter().map(|candidate| candidate.weight).sum::<f64>();
    for candidate in &candidates {
        draw -= candidate.weight;
        if draw <= 0.0 {
            return Some(candidate.token);
        }
    }
    candidates.last().map(|candidate| candidate.token)
}

/// Keeps the candidates that top-k and top-p leave, most probable first; all, as they are, without either.
fn keep_nucleus(candidates: &mut Vec<Candidate>, options: &GenerationOptions) {
    let most = options.top_k.unwrap_or(candidates.len()).min(candidates.len());
    if most == candidates.len() && options.top_p >= 1.0 {
        return;
    }
    let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let mut sorted = SORTED_FIRST;
    loop {
        let reach = sorted.min(most);
        sort_highest(candidates, reach);
        let mut kept = 0.0;
        let nucleus = candidates[..reach].iter().take_while(|candidate| {
            let before = kept;
            kept += candidate.weight / total;
            before < options.top_p
        });
        let nucleus = nucleus.count();
        if nucleus < reach || reach == most {
            candidates.truncate(nucleus.max(1));
            return;
        }
        sorted *= SORTED_MORE;
    }
}

/// Brings the `count` highest to the front, in order.
fn sort_highest(candidates: &mut [Candidate], count: usize) {
    let order = |a: &Candidate, b: &Candidate| b.weight.total_cmp(&a.weight).then(a.token.cmp(&b.token));
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, order);
    }
    candidates[..count].sort_unstable_by(order);
}

/// The first of the highest; `None` where every logit is -∞.
fn highest(logits: &[f32]) -> Option<u32> {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    best.filter(|(_, logit)| **logit > f32::NEG_INFINITY).map(|(token, _)| token as u32)
}

/// Logarithm of the softmax's denominator.
pub(super) fn log_sum(logits: &[f32]) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    most + logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum::<f64>().ln()
}

/// The probability of a token among all.
pub(super) fn probability(logits: &[f32], log_sum: f64, token: u32) -> TokenProbability {
    let log_probability = (f64::from(logits[token as usize]) - log_sum) as f32;
    TokenProbability { token, log_probability }
}

/// The `count` most probable tokens, most probable first.
pub(super) fn most_probable(logits: &[f32], log_sum: f64, count: usize) -> Vec<TokenProbability> {
    let all = logits.iter().enumerate();
    let mut candidates: Vec<Candidate> =
        all.map(|(token, logit)| Candidate { token: token as u32, weight: f64::from(*logit) }).collect();
    let count = count.min(candidates.len());
    sort_highest(&mut candidates, count);
    candidates[..count].iter().map(|candidate| probability(logits, log_sum, candidate.token)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [1.0, 3.0, 3.0, -2.0];

    fn drawn(logits: &[f32], options: &GenerationOptions) -> Vec<u32> {
        let mut random = Random::new(&[1]);
        (0..500).map(|_| choose(logits, options, &mut random).unwrap()).collect()
    }

    #[test]
    fn without_temperature_the_first_of_the_most_probable_tokens_is_taken() {
        let mut random = Random::new(&[1]);
        assert_eq!(choose(&LOGITS, &GenerationOptions::default(), &mut random), Some(1));
        assert_eq!(random, Random::new(&[1]));
    }

    #[test]
    fn the_nucleus_cuts_off_improbable_tokens() {
        let options = GenerationOptions { temperature: 1.0, top_p: 0.9, ..GenerationOptions::default() };
        let drawn = drawn(&LOGITS, &options);
        assert!(drawn.iter().all(|token| [1, 2].contains(token)));
        let first = drawn.iter().filter(|token| **token == 1).count();
        assert!((200..300).contains(&first), "{first}");
    }

    #[test]
    fn top_k_leaves_so_many_tokens() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 7) % 1000) as f32 * 1e-3).collect();
        let most = |top_k, top_p| {
            let options =
                GenerationOptions { temperature: 2.0, top_k, top_p, ..GenerationOptions::default() };
            let mut tokens = drawn(&logits, &options);
            tokens.sort_unstable();
            tokens.dedup();
            tokens
        };
        // 7 * 857 is 999 beyond 5000, and so on.
        assert_eq!(most(Some(1), 1.0), [857]);
        assert_eq!(most(Some(3), 1.0), [571, 714, 857]);
        assert!(
            most(None, 0.5).iter().all(|token| logits[*token as usize] > 0.4),
            "more than are sorted first"
        );
        assert!(most(None, 0.5).len() > 2 * SORTED_FIRST);
    }

    #[test]
    fn frequencies_follow_the_probabilities_at_a_temperature() {
        let options = GenerationOptions { temperature: 2.0, ..GenerationOptions::default() };
        let logits = [0.0, 2.0 * 3.0_f32.ln(), f32::NEG_INFINITY];
        let ones = drawn(&logits, &options).iter().filter(|token| **token == 1).count();
        assert!((345..405).contains(&ones), "three in four: {ones}");
        assert_eq!(choose(&[f32::NEG_INFINITY; 3], &options, &mut Random::new(&[1])), None);
    }

    #[test]
    fn probabilities_are_those_of_a_softmax() {
        let total: f64 = LOGITS.iter().map(|logit| f64::from(*logit).exp()).sum();
        let expected = (f64::from(LOGITS[0]) - total.ln()) as f32;
        let log_sum = log_sum(&LOGITS);
        assert!((probability(&LOGITS, log_sum, 0).log_probability - expected).abs() < 1e-6);
        let three = most_probable(&LOGITS, log_sum, 3);
        assert_eq!(three.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(three[2], probability(&LOGITS, log_sum, 0));
    }
}
