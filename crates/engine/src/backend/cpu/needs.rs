//! How many buffers there are at one time, foretold from shapes alone. What a piece of code takes is said
//! beside that code; here is how such statements add up.

use std::collections::BTreeMap;

use gradus_kernels::{Matrix, Number};

/// Buffers that exist at one time. A buffer is only used again for what is as wide, so they are counted
/// by the numbers that they have for each row of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    single: BTreeMap<usize, usize>,
    kept: BTreeMap<usize, usize>,
}

impl Needs {
    /// A buffer of f32 for each of the first widths, and one of the decoder's numbers for each of the second.
    pub(super) fn of(single: &[usize], kept: &[usize]) -> Self {
        let count = |widths: &[usize]| {
            let mut counts = BTreeMap::new();
            widths.iter().for_each(|width| *counts.entry(*width).or_default() += 1);
            counts
        };
        Self { single: count(single), kept: count(kept) }
    }

    /// These and those at one time.
    pub(super) fn and(self, other: &Self) -> Self {
        self.merge(other, |count, other| count + other)
    }

    /// These and, when they are given back, those.
    pub(super) fn then(self, other: &Self) -> Self {
        self.merge(other, usize::max)
    }

    /// These so many times.
    pub(super) fn times(mut self, factor: usize) -> Self {
        self.single.values_mut().chain(self.kept.values_mut()).for_each(|count| *count *= factor);
        self
    }

    /// Bytes of them in a pass over that many rows.
    pub(super) fn bytes<N: Number>(&self, rows: usize) -> usize {
        let single = self.single.iter().map(|(width, count)| count * width * size_of::<f32>());
        let kept = self.kept.iter();
        let kept = kept.map(|(width, count)| count * Matrix::<N>::stride_of(*width) * size_of::<N>());
        rows * single.chain(kept).sum::<usize>()
    }

    fn merge(mut self, other: &Self, merged: impl Fn(usize, usize) -> usize) -> Self {
        for (counts, others) in [(&mut self.single, &other.single), (&mut self.kept, &other.kept)] {
            for (width, other) in others {
                let count = counts.entry(*width).or_default();
                *count = merged(*count, *other);
            }
        }
        self
    }
}

/// All of them at one time.
impl FromIterator<Needs> for Needs {
    fn from_iter<I: IntoIterator<Item = Needs>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |sum, needs| sum.and(&needs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_for_what_is_as_wide_and_nothing_else() {
        let first = Needs::of(&[3, 3, 5], &[]);
        let second = Needs::of(&[3, 7], &[4]);
        assert_eq!(first.clone().and(&second), Needs::of(&[3, 3, 3, 5, 7], &[4]));
        assert_eq!(first.clone().then(&second), Needs::of(&[3, 3, 5, 7], &[4]));
        assert_eq!(first.times(2).bytes::<f32>(10), 10 * 2 * (3 + 3 + 5) * 4);
    }
}
