//! What a backend does for a [`Reader`](crate::reading::Reader): passes over rows whose keys and values
//! are kept. Which row belongs to which sequence is the reader's business alone.

use std::ops::Range;

use gradus_kernels::attention::Segment;

use super::BackendError;
use crate::adapter::Adapter;

/// Rows to read in one pass. They and the rows of the cache that they see were checked.
#[derive(Debug, Clone, Copy)]
pub struct CachedRows<'a> {
    /// Token of each row.
    pub tokens: &'a [u32],
    /// Position of each row in its sequence.
    pub positions: &'a [u32],
    /// Who sees whom: `rows` are rows of this pass; `own` and `prefix` are rows of the cache, which hold a
    /// sequence's positions from 0 on. The keys and values of all rows are kept before any is seen.
    pub segments: &'a [Segment],
    /// Rows whose logits are wanted, ascending.
    pub outputs: &'a [usize],
    /// The adapter of all rows, by the order of [`CachedModel::adapt`].
    pub adapter: Option<usize>,
}

impl CachedRows<'_> {
    /// Rows of this pass with the rows of the cache that keep their keys and values.
    pub(super) fn places(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.segments.iter().map(|segment| (segment.rows.clone(), segment.own.clone()))
    }

    /// One past the last row of the cache that is written.
    pub(super) fn end_of_cache(&self) -> usize {
        self.segments.iter().map(|segment| segment.own.end).max().unwrap_or(0)
    }

    /// Tokens of the longest sequence up to here.
    pub(super) fn longest(&self) -> usize {
        self.positions.iter().max().map_or(0, |position| *position as usize + 1)
    }
}

/// A model with the keys and values of rows that were read.
pub trait CachedModel {
    /// Takes over an adapter, in the form that reading needs. The first one is number 0.
    ///
    /// # Errors
    /// Where the device has too little memory.
    fn adapt(&mut self, adapter: &Adapter) -> Result<(), BackendError>;

    /// Forgets an adapter, by its number. It is not read with again, and its number not given again.
    fn release(&mut self, adapter: usize);

    /// Reads rows and returns the logits after those that are wanted, `[outputs, vocabulary]`.
    ///
    /// # Errors
    /// Where the tensor library fails.
    fn forward(&mut self, rows: CachedRows<'_>) -> Result<Vec<f32>, BackendError>;
}
