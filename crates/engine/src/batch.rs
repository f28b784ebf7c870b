//! Packing: many sequences in one batch of rows, with common prefixes computed once.
//!
//! Sequences that begin with the same tokens (a question and its model answer before many students'
//! answers) share those rows. Attention sees a tree of segments instead of separate sequences; every
//! row's inputs are the same as in the unpacked sequence, so the loss and its gradient are too.

use std::ops::Range;

/// Prefixes shorter than this are repeated rather than shared: a segment has a cost of its own.
const SHORTEST_SHARED_PREFIX: usize = 8;

/// A token to predict after a position of a sequence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// Index of the token that it follows.
    pub position: usize,
    /// The token.
    pub token: u32,
    /// Its weight in the loss.
    pub weight: f32,
}

/// Tokens with what is to be predicted after some of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// Labels in order of position; several may follow one position.
    pub labels: Vec<Label>,
}

impl Sequence {
    /// A prompt and the completion to learn: every token of the completion is a label of that weight;
    /// tokens of weight 0 are read but not learned.
    pub fn completion(prompt: &[u32], completion: &[(u32, f32)]) -> Self {
        let last = prompt.len().saturating_sub(1);
        let labels = completion.iter().enumerate().filter(|(_, (_, weight))| *weight > 0.0);
        let labels =
            labels.map(|(i, (token, weight))| Label { position: last + i, token: *token, weight: *weight });
        let kept = completion.len().saturating_sub(1);
        let tail = completion.iter().take(kept).map(|(token, _)| *token);
        Self { labels: labels.collect(), tokens: prompt.iter().copied().chain(tail).collect() }
    }

    /// Sum of the labels' weights.
    pub fn label_weight(&self) -> f64 {
        self.labels.iter().map(|label| f64::from(label.weight)).sum()
    }
}

/// A run of rows whose tokens follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSegment {
    /// Its rows.
    pub rows: Range<usize>,
    /// The segment it continues.
    pub parent: Option<usize>,
}

/// A label of a packed batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PackedLabel {
    /// Row whose next token it is.
    pub row: usize,
    /// The token.
    pub token: u32,
    /// Its weight in the loss.
    pub weight: f32,
    /// Which of the packed sequences it belongs to.
    pub sequence: usize,
    /// Which of that sequence's labels it is.
    pub label: usize,
}

/// Sequences packed into rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PackedBatch {
    /// Token of each row.
    pub tokens: Vec<u32>,
    /// Position of each row in its sequence.
    pub positions: Vec<u32>,
    /// Parents come before their children; the segments of one tree are adjacent.
    pub segments: Vec<PackedSegment>,
    /// Ordered by row.
    pub labels: Vec<PackedLabel>,
}

impl PackedBatch {
    /// Packs the sequences. The result depends on the set of sequences and their order alone.
    pub fn pack(sequences: &[&Sequence]) -> Self {
        let mut order: Vec<usize> =
            (0..sequences.len()).filter(|i| !sequences[*i].tokens.is_empty()).collect();
        order.sort_by(|a, b| sequences[*a].tokens.cmp(&sequences[*b].tokens).then(a.cmp(b)));
        let mut packer =
            Packer { sequences, batch: Self::default(), runs: vec![Vec::new(); sequences.len()] };
        packer.emit(&order, 0, None);
        packer.finish()
    }

    /// Sum of the labels' weights.
    pub fn label_weight(&self) -> f64 {
        self.labels.iter().map(|label| f64::from(label.weight)).sum()
    }

    /// The rows that each segment sees before its own, in order of position.
    pub fn prefixes(&self) -> Vec<Vec<Range<usize>>> {
        let mut all: Vec<Vec<Range<usize>>> = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let prefix = segment.parent.map_or_else(Vec::new, |parent| {
                let mut prefix = all[parent].clone();
                prefix.push(self.segments[parent].rows.clone());
                prefix
            });
            all.push(prefix);
        }
        all
    }
}

/// Cuts a window of sequences into micro-batches of at most `max_rows` rows each (a longer sequence
/// gets one of its own). Sequences with common prefixes stay together. Each micro-batch is a list of
/// indices into `sequences`.
pub fn micro_batches(sequences: &[&Sequence], max_rows: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by(|a, b| sequences[*a].tokens.cmp(&sequences[*b].tokens).then(a.cmp(b)));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        // Packed for real: how much is shared depends on everything in the batch.
        let fits = |batch: &Vec<usize>| {
            let members: Vec<&Sequence> = batch.iter().chain([&index]).map(|i| sequences[*i]).collect();
            PackedBatch::pack(&members).tokens.len() <= max_rows
        };
        match batches.last_mut().filter(|batch| fits(batch)) {
            Some(batch) => batch.push(index),
            None => batches.push(vec![index]),
        }
    }
    batches
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where a run of a sequence's positions lies in the batch.
#[derive(Debug, Clone, Copy)]
struct Run {
    position: usize,
    row: usize,
}

struct Packer<'a> {
    sequences: &'a [&'a Sequence],
    batch: PackedBatch,
    /// For each sequence, the runs of rows that hold its positions, ascending.
    runs: Vec<Vec<Run>>,
}

impl Packer<'_> {
    /// Emits the sorted sequences `group`, which agree before `start`, below `parent`.
    fn emit(&mut self, group: &[usize], start: usize, parent: Option<usize>) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return;
        };
        let tokens = |index: usize| &self.sequences[index].tokens;
        let shared = common_prefix(tokens(*first), tokens(*last));
        let all_the_same = tokens(*first).len() == shared && tokens(*last).len() == shared;
        let (start, parent) = if all_the_same || shared - start >= SHORTEST_SHARED_PREFIX {
            (shared, Some(self.push_segment(group, start..shared, parent)))
        } else {
            (start, parent)
        };
        if all_the_same {
            return;
        }
        let sequences = self.sequences;
        for part in
            group.chunk_by(|a, b| sequences[*a].tokens.get(shared) == sequences[*b].tokens.get(shared))
        {
            let ends_here = sequences[part[0]].tokens.len() == start;
            if !ends_here {
                self.emit(part, start, parent);
            }
        }
    }

    fn push_segment(&mut self, group: &[usize], positions: Range<usize>, parent: Option<usize>) -> usize {
        let row = self.batch.tokens.len();
        self.batch.tokens.extend_from_slice(&self.sequences[group[0]].tokens[positions.clone()]);
        self.batch.positions.extend(positions.clone().map(|position| position as u32));
        let rows = row..self.batch.tokens.len();
        self.batch.segments.push(PackedSegment { rows, parent });
        for index in group {
            self.runs[*index].push(Run { position: positions.start, row });
        }
        self.batch.segments.len() - 1
    }

    fn finish(mut self) -> PackedBatch {
        for (sequence, runs) in self.runs.iter().enumerate() {
            for (index, label) in self.sequences[sequence].labels.iter().enumerate() {
                let after = runs.partition_point(|run| run.position <= label.position);
                let Some(run) = after.checked_sub(1).map(|at| runs[at]) else {
                    continue;
                };
                self.batch.labels.push(PackedLabel {
                    row: run.row + label.position - run.position,
                    token: label.token,
                    weight: label.weight,
                    sequence,
                    label: index,
                });
            }
        }
        self.batch.labels.sort_by_key(|label| (label.row, label.sequence, label.label));
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(tokens: &[u32]) -> Sequence {
        let labels = tokens.iter().enumerate().map(|(position, token)| Label {
            position,
            token: token + 1000,
            weight: 1.0,
        });
        Sequence { tokens: tokens.to_vec(), labels: labels.collect() }
    }

    /// Reads each sequence back out of a batch by following its labels' rows up the tree.
    fn unpack(batch: &PackedBatch, sequence: usize) -> Vec<u32> {
        let last = batch.labels.iter().filter(|l| l.sequence == sequence).max_by_key(|l| l.label).unwrap();
        let segment = batch.segments.iter().position(|s| s.rows.contains(&last.row)).unwrap();
        let mut rows: Vec<usize> = batch.prefixes()[segment].iter().cloned().flatten().collect();
        rows.extend(batch.segments[segment].rows.start..=last.row);
        rows.iter().map(|row| batch.tokens[*row]).collect()
    }

    #[test]
    fn every_sequence_can_be_read_back_out_of_the_tree() {
        let prefix: Vec<u32> = (0..20).collect();
        let with = |tail: &[u32]| sequence(&[&prefix[..], tail].concat());
        let sequences = [
            with(&[50, 51, 52]),
            with(&[60]),
            sequence(&[9, 9, 9]),
            with(&[]),
            with(&[60]),
            with(&[60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            with(&[60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]),
            sequence(&[0, 1, 2, 77]),
        ];
        let batch = PackedBatch::pack(&sequences.iter().collect::<Vec<_>>());
        for (index, sequence) in sequences.iter().enumerate() {
            assert_eq!(unpack(&batch, index), sequence.tokens, "sequence {index}");
        }
        let labels: usize = sequences.iter().map(|s| s.labels.len()).sum();
        assert_eq!(batch.labels.len(), labels);
        let rows: usize = sequences.iter().map(|s| s.tokens.len()).sum();
        assert!(
            batch.tokens.len() + 90 < rows,
            "the prefix is stored once: {} of {rows}",
            batch.tokens.len()
        );
        assert!(batch.labels.iter().all(|label| {
            sequences[label.sequence].tokens[batch.positions[label.row] as usize] + 1000 == label.token
        }));
    }

    #[test]
    fn micro_batches_hold_every_sequence_once_and_keep_the_budget() {
        let sequences: Vec<Sequence> = (0..30_u32).map(|i| sequence(&vec![i % 7; 10 + i as usize])).collect();
        let references: Vec<&Sequence> = sequences.iter().collect();
        let batches = micro_batches(&references, 64);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
        for batch in &batches {
            let packed = PackedBatch::pack(&batch.iter().map(|i| references[*i]).collect::<Vec<_>>());
            assert!(packed.tokens.len() <= 64 || batch.len() == 1, "{}", packed.tokens.len());
        }
        assert!(batches.len() > 1);
    }

    #[test]
    fn a_completion_is_predicted_from_the_prompts_last_token_on() {
        let sequence = Sequence::completion(&[1, 2, 3], &[(4, 1.0), (5, 0.5)]);
        assert_eq!(sequence.tokens, [1, 2, 3, 4]);
        let labels: Vec<_> = sequence.labels.iter().map(|l| (l.position, l.token)).collect();
        assert_eq!(labels, [(2, 4), (3, 5)]);
        assert!((sequence.label_weight() - 1.5).abs() < 1e-9);
    }
}
