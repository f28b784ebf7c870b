//! Reading many sequences at once with kept keys and values: one pass takes the new tokens of all of
//! them. Sequences share the rows of a common beginning, and the memory is bounded.

mod rows;
mod sequence;

use std::collections::BTreeMap;

use gradus_kernels::attention::Segment;

use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError, CachedModel, CachedRows, check_tokens};
use crate::config::ModelConfig;
use rows::Rows;
use sequence::Sequence;

/// An adapter that a reader has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdapterId(usize);

/// A sequence of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(u64);

/// The next tokens of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The sequence that they continue.
    pub sequence: SequenceId,
    /// At least one.
    pub tokens: &'a [u32],
    /// Whether the logits after the last of them are wanted.
    pub logits: bool,
}

/// Sequences being read.
pub struct Reader<'a> {
    model: Box<dyn CachedModel + 'a>,
    config: ModelConfig,
    adapters: usize,
    rows: Rows,
    sequences: BTreeMap<SequenceId, Sequence>,
    next_sequence: u64,
}

impl<'a> Reader<'a> {
    /// A reader that keeps keys and values of at most `capacity` tokens. Each takes
    /// [`Backend::cache_bytes_per_token`]; memory is taken as it is needed.
    pub fn new(backend: &'a mut dyn Backend, capacity: usize) -> Self {
        Self {
            config: backend.config().clone(),
            model: backend.cached(capacity),
            adapters: 0,
            rows: Rows::new(capacity),
            sequences: BTreeMap::new(),
            next_sequence: 0,
        }
    }

    /// Takes over a copy of an adapter, for sequences to be read with.
    ///
    /// # Errors
    /// Where the device has too little memory.
    pub fn adapt(&mut self, adapter: &Adapter) -> Result<AdapterId, BackendError> {
        self.model.adapt(adapter)?;
        self.adapters += 1;
        Ok(AdapterId(self.adapters - 1))
    }

    /// Forgets an adapter. Sequences that were read with it have to be forgotten before.
    ///
    /// # Panics
    /// Where there is such a sequence.
    pub fn release(&mut self, adapter: AdapterId) {
        let of_adapter = |sequence: &Sequence| sequence.adapter == Some(adapter);
        assert!(!self.sequences.values().any(of_adapter), "no sequence needs an adapter that is released");
        self.model.release(adapter.0);
    }

    /// An empty sequence, to be read with that adapter.
    pub fn start(&mut self, adapter: Option<AdapterId>) -> SequenceId {
        self.insert(Sequence::new(adapter))
    }

    /// A sequence that begins with the first `length` tokens of another and shares their rows.
    ///
    /// # Panics
    /// Where the sequence is unknown or shorter.
    pub fn fork(&mut self, sequence: SequenceId, length: usize) -> SequenceId {
        assert!(length <= self.length(sequence), "a fork is no longer than its sequence");
        let fork = self.sequences[&sequence].fork(length, &mut self.rows);
        self.insert(fork)
    }

    /// Forgets a sequence; rows that no other shares are free again.
    pub fn forget(&mut self, sequence: SequenceId) {
        if let Some(sequence) = self.sequences.remove(&sequence) {
            sequence.release(&mut self.rows);
        }
    }

    /// Tokens of a sequence read so far.
    ///
    /// # Panics
    /// Where the sequence is unknown.
    pub fn length(&self, sequence: SequenceId) -> usize {
        self.sequences[&sequence].length()
    }

    /// The model's architecture.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Tokens whose keys and values can be kept.
    pub fn capacity(&self) -> usize {
        self.rows.capacity()
    }

    /// Tokens for which there is room.
    pub fn room(&self) -> usize {
        self.rows.free() + self.sequences.values().map(Sequence::ahead).sum::<usize>()
    }

    /// Reads the pieces in one pass and returns the logits after the last token of each that wants them,
    /// `[pieces that want them, vocabulary]`. On an error nothing was read.
    ///
    /// # Errors
    /// Where a piece is empty, has a token that the model does not have or makes its sequence longer than
    /// the model's context; where the cache is full; where the backend fails.
    ///
    /// # Panics
    /// Where a sequence is unknown or twice among the pieces, or the pieces have different adapters.
    pub fn read(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<f32>, BackendError> {
        self.check(pieces)?;
        let mut spare = self.make_room(pieces.iter().map(|piece| piece.tokens.len()).sum())?;
        for piece in pieces {
            if let Some(sequence) = self.sequences.get_mut(&piece.sequence) {
                sequence.grow(piece.tokens.len(), &mut spare, &mut self.rows);
            }
        }
        let logits = self.forward(pieces);
        if logits.is_err() {
            for piece in pieces {
                if let Some(sequence) = self.sequences.get_mut(&piece.sequence) {
                    sequence.shrink(piece.tokens.len(), &mut self.rows);
                }
            }
        }
        logits
    }

    /// Makes sure that there are `needed` rows, if necessary by taking back those taken ahead; returns how
    /// many more are free.
    fn make_room(&mut self, needed: usize) -> Result<usize, BackendError> {
        if self.rows.free() < needed {
            self.sequences.values_mut().for_each(|sequence| sequence.release_ahead(&mut self.rows));
        }
        let (free, capacity) = (self.rows.free(), self.rows.capacity());
        free.checked_sub(needed).ok_or(BackendError::CacheFull { needed, free, capacity })
    }

    fn forward(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<f32>, BackendError> {
        let (mut tokens, mut positions, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        let mut segments: Vec<Segment> = Vec::new();
        for piece in pieces {
            let (sequence, count) = (&self.sequences[&piece.sequence], piece.tokens.len());
            sequence.segments(count, tokens.len(), &mut segments);
            let length = sequence.length();
            positions.extend((length - count..length).map(|position| position as u32));
            tokens.extend_from_slice(piece.tokens);
            outputs.extend(piece.logits.then_some(tokens.len() - 1));
        }
        let adapter = pieces.first().and_then(|piece| self.sequences[&piece.sequence].adapter);
        self.model.forward(CachedRows {
            tokens: &tokens,
            positions: &positions,
            segments: &segments,
            outputs: &outputs,
            adapter: adapter.map(|adapter| adapter.0),
        })
    }

    fn check(&self, pieces: &[Piece<'_>]) -> Result<(), BackendError> {
        let mut seen = Vec::with_capacity(pieces.len());
        let mut adapters = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if piece.tokens.is_empty() {
                return Err(BackendError::NothingToRead);
            }
            let sequence = &self.sequences[&piece.sequence];
            check_tokens(&self.config, piece.tokens, sequence.length() + piece.tokens.len())?;
            seen.push(piece.sequence);
            adapters.push(sequence.adapter);
        }
        adapters.dedup();
        assert!(adapters.len() < 2, "pieces of one adapter are read together");
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "a sequence has one piece");
        if pieces.is_empty() { Err(BackendError::NothingToRead) } else { Ok(()) }
    }

    fn insert(&mut self, sequence: Sequence) -> SequenceId {
        let id = SequenceId(self.next_sequence);
        self.next_sequence += 1;
        self.sequences.insert(id, sequence);
        id
    }
}
