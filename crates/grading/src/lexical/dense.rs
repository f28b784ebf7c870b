//! Vectors with a value for every column; sums always run in one order.

/// Sum of the products, as far as both go.
pub(super) fn dot(one: &[f64], two: &[f64]) -> f64 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}

/// Adds `times` the vector to another.
pub(super) fn add(to: &mut [f64], times: f64, vector: &[f64]) {
    to.iter_mut().zip(vector).for_each(|(to, value)| *to += times * value);
}
