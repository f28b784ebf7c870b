//! Sequences that were read and may be the beginning of the next request: one guide, many answers.

use crate::reading::{AdapterId, Reader, SequenceId};

/// Sharing fewer tokens than this is not worth a piece of its own.
const SHORTEST: usize = 8;
/// Sequences that are kept at most.
const MOST: usize = 256;

#[derive(Debug)]
struct Kept {
    adapter: Option<AdapterId>,
    tokens: Vec<u32>,
    sequence: SequenceId,
}

/// Sequences nobody uses, least recently used first.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    kept: Vec<Kept>,
}

/// A sequence whose first tokens are those of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) sequence: SequenceId,
    /// How many tokens.
    pub(super) length: usize,
}

impl Prefixes {
    /// Keeps a sequence that has read `tokens`.
    pub(super) fn keep(
        &mut self,
        (adapter, tokens, sequence): (Option<AdapterId>, Vec<u32>, SequenceId),
        reader: &mut Reader<'_>,
    ) {
        if tokens.len() < SHORTEST
            || self.kept.iter().any(|kept| kept.adapter == adapter && kept.tokens.starts_with(&tokens))
        {
            return reader.forget(sequence);
        }
        let (covered, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|kept| kept.adapter == adapter && tokens.starts_with(&kept.tokens));
        covered.into_iter().for_each(|kept| reader.forget(kept.sequence));
        self.kept = others;
        self.kept.push(Kept { adapter, tokens, sequence });
        if self.kept.len() > MOST {
            self.evict(reader);
        }
    }

    /// The kept sequence that shares most of a prompt's first tokens; it counts as used.
    pub(super) fn find(&mut self, adapter: Option<AdapterId>, prompt: &[u32]) -> Option<Shared> {
        let of_adapter = self.kept.iter().enumerate().filter(|(_, kept)| kept.adapter == adapter);
        let common = of_adapter.map(|(index, kept)| (common_prefix(&kept.tokens, prompt), index));
        let (length, index) = common.max().filter(|(length, _)| *length >= SHORTEST)?;
        let kept = self.kept.remove(index);
        let shared = Shared { sequence: kept.sequence, length };
        self.kept.push(kept);
        Some(shared)
    }

    /// Forgets what was read with an adapter.
    pub(super) fn forget(&mut self, adapter: AdapterId, reader: &mut Reader<'_>) {
        let (of_adapter, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.kept).into_iter().partition(|kept| kept.adapter == Some(adapter));
        of_adapter.into_iter().for_each(|kept| reader.forget(kept.sequence));
        self.kept = others;
    }

    /// Forgets the least recently used; false where there is none.
    pub(super) fn evict(&mut self, reader: &mut Reader<'_>) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        reader.forget(self.kept.remove(0).sequence);
        true
    }
}

/// How many first tokens are the same.
pub(super) fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Whether so many tokens are worth sharing.
pub(super) fn worth_sharing(length: usize) -> bool {
    length >= SHORTEST
}
