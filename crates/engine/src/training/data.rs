//! The order in which a run sees its data: a pure function of the seed and the epoch.

use super::{Cursor, TrainingPlan};
use crate::batch::{PackedBatch, Sequence, micro_batches};
use crate::random::Random;

/// Sequences to train on and to validate with.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    /// Seen by the optimizer.
    pub train: Vec<Sequence>,
    /// Never seen by the optimizer; may be empty.
    pub validation: Vec<Sequence>,
}

/// The sequences of one update, cut into micro-batches.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    pub(crate) micro_batches: Vec<Vec<&'a Sequence>>,
    pub(super) label_weight: f64,
}

impl Window<'_> {
    /// Tokens of the sequences, shared prefixes counted for each.
    pub(super) fn tokens(&self) -> u64 {
        self.micro_batches.iter().flatten().map(|sequence| sequence.tokens.len() as u64).sum()
    }

    /// Tokens of the longest sequence.
    pub(super) fn longest(&self) -> usize {
        self.micro_batches.iter().flatten().map(|sequence| sequence.tokens.len()).max().unwrap_or(0)
    }

    /// Rows that are computed, after prefix sharing.
    pub(super) fn rows(&self) -> u64 {
        self.micro_batches.iter().map(|batch| PackedBatch::pack(batch).tokens.len() as u64).sum()
    }
}

impl TrainingData {
    /// The window that the cursor points at; `None` after the last.
    pub(crate) fn window(&self, cursor: &Cursor, plan: &TrainingPlan) -> Option<Window<'_>> {
        if cursor.epoch >= plan.epochs || self.train.is_empty() {
            return None;
        }
        let order = Random::new(&[plan.seed, 0x0DE2, u64::from(cursor.epoch)]).permutation(self.train.len());
        let start = (cursor.window as usize * plan.batch_size).min(order.len());
        let end = (start + plan.batch_size).min(order.len());
        let sequences: Vec<&Sequence> = order[start..end].iter().map(|i| &self.train[*i]).collect();
        let batches = micro_batches(&sequences, plan.micro_batch_rows);
        Some(Window {
            micro_batches: batches.iter().map(|b| b.iter().map(|i| sequences[*i]).collect()).collect(),
            label_weight: sequences.iter().map(|sequence| sequence.label_weight()).sum(),
        })
    }

    /// Identifies the data in checkpoints: a resumed run must see the same.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (set, sequences) in [(0_u8, &self.train), (1, &self.validation)] {
            hasher.update(&[set]);
            for sequence in sequences {
                hasher.update(&(sequence.tokens.len() as u64).to_le_bytes());
                sequence.tokens.iter().for_each(|token| _ = hasher.update(&token.to_le_bytes()));
                for label in &sequence.labels {
                    hasher.update(&(label.position as u64).to_le_bytes());
                    hasher.update(&label.token.to_le_bytes());
                    hasher.update(&label.weight.to_le_bytes());
                }
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}
