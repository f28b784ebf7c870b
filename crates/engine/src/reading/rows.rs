//! The rows of a cache of keys and values: which are free, and how many sequences share each of the
//! others. Pure bookkeeping.

use std::ops::Range;

#[derive(Debug)]
pub(super) struct Rows {
    /// How many sequences hold each row.
    holders: Vec<u32>,
    free: usize,
}

impl Rows {
    pub(super) fn new(capacity: usize) -> Self {
        Self { holders: vec![0; capacity], free: capacity }
    }

    pub(super) fn capacity(&self) -> usize {
        self.holders.len()
    }

    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// Takes the first run of `most` free rows, or the longest where none is as long; empty where no row
    /// is free.
    pub(super) fn take(&mut self, most: usize) -> Range<usize> {
        let mut longest = 0..0;
        let mut start = 0;
        while start < self.holders.len() && longest.len() < most {
            let held = self.holders[start..].iter().position(|holders| *holders == 0);
            let Some(held) = held else { break };
            start += held;
            let rest = &self.holders[start..(start + most).min(self.holders.len())];
            let end = start + rest.iter().position(|holders| *holders > 0).unwrap_or(rest.len());
            if end - start > longest.len() {
                longest = start..end;
            }
            start = end;
        }
        self.holders[longest.clone()].fill(1);
        self.free -= longest.len();
        longest
    }

    /// One more sequence holds these rows.
    pub(super) fn share(&mut self, rows: Range<usize>) {
        self.holders[rows].iter_mut().for_each(|holders| *holders += 1);
    }

    /// One sequence less holds these rows.
    pub(super) fn release(&mut self, rows: Range<usize>) {
        for holders in &mut self.holders[rows] {
            *holders -= 1;
            self.free += usize::from(*holders == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_free_again_when_their_last_holder_lets_go() {
        let mut rows = Rows::new(10);
        assert_eq!(rows.take(4), 0..4);
        rows.share(1..3);
        rows.release(0..4);
        assert_eq!(rows.free(), 8);
        assert_eq!(rows.take(5), 3..8);
        rows.release(1..3);
        assert_eq!(rows.take(2), 0..2);
        assert_eq!(rows.free(), 3);
    }

    #[test]
    fn where_no_run_is_long_enough_the_longest_is_taken() {
        let mut rows = Rows::new(9);
        assert_eq!((rows.take(3), rows.take(1), rows.take(5)), (0..3, 3..4, 4..9));
        rows.release(1..3);
        rows.release(5..8);
        assert_eq!(rows.take(4), 5..8);
        assert_eq!(rows.take(4), 1..3);
        assert_eq!(rows.take(4), 0..0);
    }
}
