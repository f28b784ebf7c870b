//! Where one sequence's keys and values are in the cache.

use std::ops::Range;

use gradus_kernels::attention::Segment;

use super::AdapterId;
use super::rows::Rows;

/// Rows taken ahead when there is room, so that a sequence that grows token by token stays in few pieces.
const AHEAD: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    pub(super) adapter: Option<AdapterId>,
    /// Rows of the cache that hold the positions from 0 on, in order.
    runs: Vec<Range<usize>>,
    /// Rows after the last run that were taken ahead.
    ahead: Range<usize>,
}

impl Sequence {
    pub(super) fn new(adapter: Option<AdapterId>) -> Self {
        Self { adapter, ..Self::default() }
    }

    /// Tokens read so far.
    pub(super) fn length(&self) -> usize {
        self.runs.iter().map(ExactSizeIterator::len).sum()
    }

    /// Rows taken ahead.
    pub(super) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Gives the rows taken ahead back.
    pub(super) fn release_ahead(&mut self, rows: &mut Rows) {
        rows.release(std::mem::take(&mut self.ahead));
    }

    /// The same up to `length`, on the same rows.
    pub(super) fn fork(&self, length: usize, rows: &mut Rows) -> Self {
        let mut fork = Self::new(self.adapter);
        let mut rest = length;
        for run in &self.runs {
            let shared = run.start..run.end.min(run.start + rest);
            rest -= shared.len();
            if !shared.is_empty() {
                rows.share(shared.clone());
                fork.runs.push(shared);
            }
        }
        fork
    }

    /// Appends `count` rows. As many must be free or taken ahead; up to `spare` more may be taken ahead.
    pub(super) fn grow(&mut self, count: usize, spare: &mut usize, rows: &mut Rows) {
        let mut wanted = count;
        while wanted > 0 {
            if self.ahead.is_empty() {
                let taken = rows.take(wanted + (*spare).min(AHEAD));
                *spare -= taken.len().saturating_sub(wanted);
                if self.runs.last().is_none_or(|run| run.end != taken.start) {
                    self.runs.push(taken.start..taken.start);
                }
                self.ahead = taken;
            }
            let added = wanted.min(self.ahead.len());
            if let Some(run) = self.runs.last_mut() {
                run.end += added;
            }
            self.ahead.start += added;
            wanted -= added;
        }
    }

    /// Takes the last `count` rows off again.
    pub(super) fn shrink(&mut self, count: usize, rows: &mut Rows) {
        self.release_ahead(rows);
        let mut rest = count;
        while let Some(run) = self.runs.last_mut().filter(|_| rest > 0) {
            let removed = rest.min(run.len());
            rows.release(run.end - removed..run.end);
            run.end -= removed;
            rest -= removed;
            if run.start == run.end {
                self.runs.pop();
            }
        }
    }

    /// Gives all rows back.
    pub(super) fn release(mut self, rows: &mut Rows) {
        self.shrink(self.length(), rows);
    }

    /// What its last `count` rows see, which are the rows from `first_row` on of a pass.
    pub(super) fn segments(&self, count: usize, first_row: usize, segments: &mut Vec<Segment>) {
        let mut read = self.length() - count;
        let mut row = first_row;
        let mut prefix = Vec::new();
        for run in &self.runs {
            let old = run.start..run.start + read.min(run.len());
            read -= old.len();
            let own = old.end..run.end;
            prefix.extend(Some(old).filter(|old| !old.is_empty()));
            if !own.is_empty() {
                let rows = row..row + own.len();
                row = rows.end;
                segments.push(Segment { rows, prefix: prefix.clone(), own: own.clone() });
                prefix.push(own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(range: Range<usize>) -> Vec<Range<usize>> {
        std::iter::once(range).collect()
    }

    fn grown(sequence: &mut Sequence, count: usize, rows: &mut Rows) -> Vec<Segment> {
        let mut segments = Vec::new();
        sequence.grow(count, &mut 0, rows);
        sequence.segments(count, 0, &mut segments);
        segments
    }

    #[test]
    fn a_fork_sees_the_shared_rows_and_writes_its_own() {
        let mut rows = Rows::new(20);
        let mut first = Sequence::new(None);
        grown(&mut first, 6, &mut rows);
        let mut second = first.fork(4, &mut rows);
        let segments = grown(&mut second, 3, &mut rows);
        assert_eq!(segments, [Segment { rows: 0..3, prefix: only(0..4), own: 6..9 }]);
        let segments = grown(&mut first, 2, &mut rows);
        assert_eq!(segments, [Segment { rows: 0..2, prefix: only(0..6), own: 9..11 }]);
        first.release(&mut rows);
        assert_eq!(rows.free(), 20 - 7, "the fork keeps what it shares");
        second.release(&mut rows);
        assert_eq!(rows.free(), 20);
    }

    #[test]
    fn a_sequence_in_pieces_sees_them_in_order() {
        let mut rows = Rows::new(12);
        rows.take(12);
        rows.release(1..3);
        rows.release(6..10);
        let mut sequence = Sequence::new(None);
        let segments = grown(&mut sequence, 6, &mut rows);
        assert_eq!(
            segments,
            [
                Segment { rows: 0..4, prefix: vec![], own: 6..10 },
                Segment { rows: 4..6, prefix: only(6..10), own: 1..3 },
            ]
        );
        sequence.shrink(5, &mut rows);
        assert_eq!((sequence.length(), rows.free()), (1, 5));
        assert_eq!(grown(&mut sequence, 1, &mut rows)[0].prefix, only(6..7));
    }

    #[test]
    fn rows_taken_ahead_keep_a_sequence_in_one_piece_beside_others() {
        let mut rows = Rows::new(500);
        let (mut first, mut second) = (Sequence::new(None), Sequence::new(None));
        for _ in 0..AHEAD {
            first.grow(1, &mut 100, &mut rows);
            second.grow(1, &mut 100, &mut rows);
        }
        assert_eq!((first.runs.len(), second.runs.len()), (1, 1));
        assert_eq!((first.ahead(), second.ahead()), (1, 1));
    }
}
