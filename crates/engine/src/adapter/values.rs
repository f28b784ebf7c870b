//! Trained numbers that know when they change, so that what a backend derives from them (rounded copies,
//! norms) is derived once an update and not once a batch.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// A vector of parameters. Vectors of the same revision hold the same numbers.
#[derive(Debug, Clone)]
pub struct Values {
    numbers: Vec<f32>,
    revision: u64,
}

/// Every change of any vector gets a number of its own.
fn next_revision() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Values {
    /// That many zeros.
    pub(super) fn zeros(count: usize) -> Self {
        Self { numbers: vec![0.0; count], revision: next_revision() }
    }

    /// Identifies the numbers within this process; borrowing them mutably changes it.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

impl DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.revision = next_revision();
        &mut self.numbers
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_stands_for_the_same_numbers() {
        let mut values = Values::zeros(2);
        let copy = values.clone();
        assert_eq!(copy.revision(), values.revision());
        assert_ne!(Values::zeros(2).revision(), values.revision());
        let before = values.revision();
        values[1] = 3.0;
        assert_ne!(values.revision(), before);
        assert_eq!((&values[..], &copy[..]), (&[0.0, 3.0][..], &[0.0, 0.0][..]));
    }
}
