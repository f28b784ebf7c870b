//! Vectors that are mostly zero, in the order of their columns, so that sums always run in one order.

/// Entries (column, value) with ascending columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SparseVector(pub(super) Vec<(u32, f64)>);

impl SparseVector {
    pub(super) fn norm(&self) -> f64 {
        self.0.iter().map(|(_, value)| value * value).sum::<f64>().sqrt()
    }

    /// Sum of the products of common columns.
    pub(super) fn dot(&self, other: &Self) -> f64 {
        let (mut ours, mut theirs, mut sum) = (0, 0, 0.0);
        while let (Some(one), Some(two)) = (self.0.get(ours), other.0.get(theirs)) {
            match one.0.cmp(&two.0) {
                std::cmp::Ordering::Less => ours += 1,
                std::cmp::Ordering::Greater => theirs += 1,
                std::cmp::Ordering::Equal => {
                    sum += one.1 * two.1;
                    ours += 1;
                    theirs += 1;
                }
            }
        }
        sum
    }

    /// With a vector that has a value for every column; columns that it lacks, as in a damaged file, count nothing.
    pub(super) fn dot_dense<T: Copy + Into<f64>>(&self, dense: &[T]) -> f64 {
        let products =
            self.0.iter().filter_map(|(column, value)| Some((*dense.get(*column as usize)?).into() * value));
        products.sum()
    }

    pub(super) fn has(&self, column: u32) -> bool {
        self.0.binary_search_by_key(&column, |entry| entry.0).is_ok()
    }

    /// Between 0 and 1 for vectors without negative values; 0 where one of them is zero.
    pub(super) fn cosine(&self, other: &Self) -> f64 {
        let norms = self.norm() * other.norm();
        if norms > 0.0 { self.dot(other) / norms } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_counts_common_columns_alone() {
        let one = SparseVector(vec![(1, 3.0), (4, 4.0)]);
        let two = SparseVector(vec![(0, 7.0), (4, 1.0), (9, 2.0)]);
        assert_eq!(one.dot(&two), 4.0);
        assert!((one.cosine(&two) - 4.0 / (5.0 * 54.0_f64.sqrt())).abs() < 1e-15);
        assert_eq!(one.cosine(&SparseVector::default()), 0.0);
    }
}
