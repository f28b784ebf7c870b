//! Constrained scoring: how probable each of a few legal answers is, in one pass over the prompt.

use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError};
use crate::batch::{PackedBatch, Sequence, micro_batches};

/// A prompt with the answers that may follow it.
#[derive(Debug, Clone)]
pub struct Question {
    /// Tokens of the prompt.
    pub prompt: Vec<u32>,
    /// Tokens of each legal answer, with what ends it, so that none is the beginning of another.
    pub choices: Vec<Vec<u32>>,
}

/// The probability of each choice of each question; those of one question add up to 1.
///
/// Choices share the prompt's rows, and questions share the rows of common prefixes. `progress` is told
/// how many questions are done and may end the work by returning false (the result is then `None`).
pub fn score(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    questions: &[Question],
    micro_batch_rows: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Vec<Vec<f64>>>, BackendError> {
    // Whole questions are distributed over batches: the choices of one must stay together.
    let prompts: Vec<Sequence> = questions.iter().map(longest).collect();
    let references: Vec<&Sequence> = prompts.iter().collect();
    let mut probabilities = vec![Vec::new(); questions.len()];
    let mut done = 0;
    for batch in micro_batches(&references, micro_batch_rows) {
        let scores =
            score_batch(backend, adapter, &batch.iter().map(|i| &questions[*i]).collect::<Vec<_>>())?;
        done += batch.len();
        for (index, scores) in batch.into_iter().zip(scores) {
            probabilities[index] = scores;
        }
        if !progress(done) {
            return Ok(None);
        }
    }
    Ok(Some(probabilities))
}

fn longest(question: &Question) -> Sequence {
    let choices: usize = question.choices.iter().map(|choice| choice.len().saturating_sub(1)).sum();
    let tokens = question.prompt.iter().copied().chain(std::iter::repeat_n(0, choices)).collect();
    Sequence { tokens, labels: Vec::new() }
}

fn score_batch(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    questions: &[&Question],
) -> Result<Vec<Vec<f64>>, BackendError> {
    let sequences: Vec<Sequence> = questions
        .iter()
        .flat_map(|question| {
            question.choices.iter().map(|choice| {
                let completion: Vec<(u32, f32)> = choice.iter().map(|token| (*token, 1.0)).collect();
                Sequence::completion(&question.prompt, &completion)
            })
        })
        .collect();
    let packed = PackedBatch::pack(&sequences.iter().collect::<Vec<_>>());
    let mut totals = vec![0.0; sequences.len()];
    for (label, log_probability) in packed.labels.iter().zip(backend.log_probabilities(&packed, adapter)?) {
        totals[label.sequence] += f64::from(log_probability);
    }
    let mut rest = &totals[..];
    let scores = questions.iter().map(|question| {
        let (own, others) = rest.split_at(question.choices.len());
        rest = others;
        softmax(own)
    });
    Ok(scores.collect())
}

fn softmax(values: &[f64]) -> Vec<f64> {
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = values.iter().map(|value| (value - highest).exp()).collect();
    let total: f64 = exponentials.iter().sum();
    exponentials.iter().map(|value| value / total).collect()
}
