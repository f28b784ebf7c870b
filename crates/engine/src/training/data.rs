//! The order in which a run sees its data: a pure function of the seed and the epoch.

use std::collections::BTreeMap;

use super::{Cursor, TrainingPlan};
use crate::batch::{PackedBatch, Sequence, micro_batches};
use crate::random::Random;

/// Sequences to train on and to validate with.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    /// Seen by the optimizer.
    pub train: Vec<Sequence>,
    /// For each training sequence the group it belongs to, such as the question it answers: sequences of
    /// one group begin alike, so that those that meet in an update are computed cheaply. Empty: none do.
    pub groups: Vec<u32>,
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
        let order = self.order(plan, cursor.epoch);
        let start = (cursor.window as usize * plan.batch_size).min(order.len());
        let end = (start + plan.batch_size).min(order.len());
        let sequences: Vec<&Sequence> = order[start..end].iter().map(|i| &self.train[*i]).collect();
        let batches = micro_batches(&sequences, plan.micro_batch_rows);
        Some(Window {
            micro_batches: batches.iter().map(|b| b.iter().map(|i| sequences[*i]).collect()).collect(),
            label_weight: sequences.iter().map(|sequence| sequence.label_weight()).sum(),
        })
    }

    /// The order of an epoch: by chance, in runs of at most `plan.group_size` sequences of one group.
    fn order(&self, plan: &TrainingPlan, epoch: u32) -> Vec<usize> {
        let order = Random::new(&[plan.seed, 0x0DE2, u64::from(epoch)]).permutation(self.train.len());
        if plan.group_size <= 1 || self.groups.is_empty() {
            return order;
        }
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for index in order {
            groups.entry(self.groups[index]).or_default().push(index);
        }
        let runs: Vec<&[usize]> = groups.values().flat_map(|group| group.chunks(plan.group_size)).collect();
        let order = Random::new(&[plan.seed, 0x6209, u64::from(epoch)]).permutation(runs.len());
        order.into_iter().flat_map(|run| runs[run]).copied().collect()
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
        self.groups.iter().for_each(|group| _ = hasher.update(&group.to_le_bytes()));
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(groups: &[u32]) -> TrainingData {
        let sequence = |token: u32| Sequence::completion(&[token], &[(token, 1.0)]);
        let train = (0..groups.len() as u32).map(sequence).collect();
        TrainingData { train, groups: groups.to_vec(), validation: Vec::new() }
    }

    #[test]
    fn sequences_of_a_group_stand_together_and_each_appears_once() {
        let groups: Vec<u32> = (0..40).map(|index| index % 5).collect();
        let data = data(&groups);
        let plan = TrainingPlan { group_size: 4, ..TrainingPlan::default() };
        let order = data.order(&plan, 0);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..40).collect::<Vec<_>>());
        assert!(order.chunks(4).all(|run| run.iter().all(|index| groups[*index] == groups[run[0]])));
        assert_ne!(order, data.order(&plan, 1), "every epoch has its own");
        assert_eq!(order, data.order(&plan, 0));
    }

    #[test]
    fn without_groups_the_order_is_chance_alone() {
        let plan = TrainingPlan { group_size: 4, ..TrainingPlan::default() };
        let alone = TrainingPlan { group_size: 1, ..plan.clone() };
        let grouped = data(&[0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let without = TrainingData { groups: Vec::new(), ..grouped.clone() };
        assert_eq!(without.order(&plan, 0), grouped.order(&alone, 0));
    }
}
