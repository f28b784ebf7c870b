//! A batch cut into parts that do not see each other, so that the activations of a large batch need
//! not be kept at once. Losses and gradients are sums over the parts.

use gradus_kernels::TargetToken;
use gradus_kernels::attention::Segment;

use super::Pass;
use super::factors::Factors;
use crate::adapter::Adapter;
use crate::backend::Dropout;
use crate::batch::PackedBatch;

/// Bytes that a number of every row of a part takes at most, unless one tree of segments has more rows:
/// 1024 rows in bf16, and 512 in f32, in which they take as much. Enough to keep products efficient.
const MOST_BYTES: usize = 2048;

/// Whole trees of segments, with rows counted from the part's first.
pub(super) struct Part {
    pub(super) tokens: Vec<u32>,
    positions: Vec<u32>,
    segments: Vec<Segment>,
    /// Which row of the batch its first one is.
    pub(super) first_row: usize,
    /// The rows that carry labels, ascending.
    pub(super) label_rows: Vec<usize>,
    /// The labels, over those rows.
    pub(super) targets: Vec<TargetToken>,
}

impl Part {
    /// Tokens of the longest sequence.
    pub(super) fn longest(&self) -> usize {
        self.positions.iter().max().map_or(0, |position| *position as usize + 1)
    }

    pub(super) fn pass<'a>(
        &'a self,
        adapter: Option<&'a Adapter>,
        factors: Option<&'a Factors>,
        dropout: Option<Dropout>,
    ) -> Pass<'a> {
        Pass {
            positions: &self.positions,
            segments: &self.segments,
            adapter,
            factors,
            dropout,
            first_row: self.first_row,
        }
    }
}

/// The parts of a batch that is computed with numbers of type `N`, in order: their targets one after the
/// other are the batch's labels.
pub(super) fn cut<N>(batch: &PackedBatch) -> Vec<Part> {
    let most_rows = MOST_BYTES / size_of::<N>();
    let prefixes = batch.prefixes();
    let mut parts = Vec::new();
    let mut first = 0;
    while first < batch.segments.len() {
        let end = end_of_part(batch, first, most_rows);
        let start = batch.segments[first].rows.start;
        let rows = start..batch.segments[end - 1].rows.end;
        let segments = (first..end).map(|index| {
            let shifted = |range: &std::ops::Range<usize>| range.start - start..range.end - start;
            let own = shifted(&batch.segments[index].rows);
            Segment { rows: own.clone(), own, prefix: prefixes[index].iter().map(shifted).collect() }
        });
        let labels = batch.labels.partition_point(|label| label.row < rows.start)
            ..batch.labels.partition_point(|label| label.row < rows.end);
        let labels = &batch.labels[labels];
        let mut label_rows: Vec<usize> = labels.iter().map(|label| label.row - start).collect();
        label_rows.dedup();
        let targets = labels.iter().map(|label| TargetToken {
            row: label_rows.partition_point(|row| *row < label.row - start),
            token: label.token,
            weight: label.weight,
        });
        parts.push(Part {
            tokens: batch.tokens[rows.clone()].to_vec(),
            positions: batch.positions[rows].to_vec(),
            segments: segments.collect(),
            first_row: start,
            targets: targets.collect(),
            label_rows,
        });
        first = end;
    }
    parts
}

/// One past the last segment of the part that begins with segment `first`.
fn end_of_part(batch: &PackedBatch, first: usize, most_rows: usize) -> usize {
    let start = batch.segments[first].rows.start;
    let mut end = first;
    while end < batch.segments.len() {
        let tree_end = (end + 1..batch.segments.len())
            .find(|index| batch.segments[*index].parent.is_none())
            .unwrap_or(batch.segments.len());
        if end > first && batch.segments[tree_end - 1].rows.end - start > most_rows {
            break;
        }
        end = tree_end;
    }
    end
}
