//! Pairs of rows woven together: `[k, m]` becomes `[k / 2, m]` pairs. It is how a left operand is read
//! whose rows are summed over, as in gradients of weights.

use super::{Bf16, Bf16View};
use crate::simd::vectorised;

/// A matrix `[k, m]` as pairs of rows.
#[derive(Debug, Clone, Default)]
pub struct Interleaved {
    /// Row `2p` of column `m` in the low half of `pairs[p * cols + m]`, row `2p + 1` in the high half.
    pairs: Vec<u32>,
    rows: usize,
    cols: usize,
}

/// A view of all columns and some of the pairs.
#[derive(Debug, Clone, Copy)]
pub struct InterleavedView<'a> {
    pub(super) pairs: &'a [u32],
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl InterleavedView<'_> {
    pub(super) fn part(self, first: usize, pairs: usize) -> Self {
        let rows = 2 * first..self.rows.min(2 * (first + pairs));
        let pairs = &self.pairs[first * self.cols..][..pairs * self.cols];
        Self { pairs, rows: rows.len(), ..self }
    }
}

impl Interleaved {
    /// The nearest bf16 numbers to `scale * values`, `values` being row-major `[rows, cols]`. Uses the
    /// memory it has.
    pub fn round_from(&mut self, values: &[f32], cols: usize, scale: f32) {
        let rows = values.len() / cols;
        self.resize(rows, cols);
        for (pairs, values) in self.pairs.chunks_mut(cols).zip(values.chunks(2 * cols)) {
            let (first, second) = values.split_at(cols);
            round_pairs(first, if second.is_empty() { None } else { Some(second) }, scale, pairs);
        }
    }

    /// As [`Self::round_from`] for bf16 numbers, unscaled.
    pub fn copy_from(&mut self, view: Bf16View<'_>) {
        self.resize(view.rows, view.cols);
        for (pair, pairs) in self.pairs.chunks_mut(view.cols.max(1)).enumerate() {
            let second = (2 * pair + 1 < view.rows).then(|| view.row(2 * pair + 1));
            weave(view.row(2 * pair), second, pairs);
        }
    }

    /// All of it.
    pub fn view(&self) -> InterleavedView<'_> {
        InterleavedView { pairs: &self.pairs, rows: self.rows, cols: self.cols }
    }

    fn resize(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        self.pairs.resize(rows.div_ceil(2) * cols, 0);
    }
}

/// Pairs of two rows; a missing second row counts as zeros.
#[inline]
pub(super) fn weave(first: &[Bf16], second: Option<&[Bf16]>, pairs: &mut [u32]) {
    match second {
        Some(second) => weave_two(first, second, pairs),
        None => pairs.iter_mut().zip(first).for_each(|(pair, low)| *pair = u32::from(low.0)),
    }
}

fn round_pairs(first: &[f32], second: Option<&[f32]>, scale: f32, pairs: &mut [u32]) {
    match second {
        Some(second) => round_two(first, second, scale, pairs),
        None => {
            for (pair, low) in pairs.iter_mut().zip(first) {
                *pair = u32::from(Bf16::from_f32(low * scale).0);
            }
        }
    }
}

vectorised! {
    fn weave_two(first: &[Bf16], second: &[Bf16], pairs: &mut [u32]) {
        for ((pair, low), high) in pairs.iter_mut().zip(first).zip(second) {
            *pair = u32::from(low.0) | u32::from(high.0) << 16;
        }
    }

    fn round_two(first: &[f32], second: &[f32], scale: f32, pairs: &mut [u32]) {
        for ((pair, low), high) in pairs.iter_mut().zip(first).zip(second) {
            let (low, high) = (Bf16::from_f32(low * scale), Bf16::from_f32(high * scale));
            *pair = u32::from(low.0) | u32::from(high.0) << 16;
        }
    }
}
