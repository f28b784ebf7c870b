//! Operations that treat each column of a matrix by itself: factors and sums.

use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::number::Number;
use crate::product::Target;
use crate::simd::vectorised;

/// Columns that one task sums.
const COLUMNS: usize = 64;

/// Puts `matrix` with each column multiplied by its factor into `target`, or adds it to what is there: to a
/// [`Target::Add`] always, to the others if `adds`.
pub fn scale_columns<N: Number>(matrix: &Matrix<N>, factors: &[f32], target: Target<'_, N>, adds: bool) {
    let (cols, stride) = (matrix.cols(), matrix.stride());
    assert_eq!(factors.len(), cols, "a factor a column");
    let shape = match &target {
        Target::Overwrite(to) | Target::Add(to) => (to.rows, to.cols),
        Target::Round(to) => (to.rows(), to.cols()),
    };
    assert_eq!(shape, (matrix.rows(), cols), "shape of the target");
    let rows = matrix.data().par_chunks(stride);
    match target {
        Target::Overwrite(mut to) if !adds => {
            let to = to.numbers();
            to.par_chunks_mut(cols).zip(rows).for_each(|(to, from)| scaled(from, factors, to));
        }
        Target::Overwrite(mut to) | Target::Add(mut to) => {
            let to = to.numbers();
            to.par_chunks_mut(cols).zip(rows).for_each(|(to, from)| add_scaled(from, factors, to));
        }
        Target::Round(to) if adds => {
            let to = to.data_mut().par_chunks_mut(stride);
            to.zip(rows).for_each(|(to, from)| add_scaled(from, factors, &mut to[..cols]));
        }
        Target::Round(to) => {
            let to = to.data_mut().par_chunks_mut(stride);
            to.zip(rows).for_each(|(to, from)| scaled(from, factors, &mut to[..cols]));
        }
    }
}

/// Adds the sum of each column to `sums`.
pub fn add_column_sums<N: Number>(matrix: &Matrix<N>, sums: &mut [f32]) {
    assert_eq!(sums.len(), matrix.cols(), "a sum a column");
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, sums)| {
        for row in 0..matrix.rows() {
            add(&matrix.row(row)[block * COLUMNS..], sums);
        }
    });
}

/// Writes the inner product of each column of `left` with that of `right`.
pub fn column_dots<N: Number>(left: &Matrix<N>, right: &Matrix<N>, dots: &mut [f32]) {
    assert_eq!((left.rows(), left.cols()), (right.rows(), right.cols()), "shapes of one kind");
    assert_eq!(dots.len(), left.cols(), "a product a column");
    dots.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, dots)| {
        dots.fill(0.0);
        let first = block * COLUMNS;
        for row in 0..left.rows() {
            add_products(&left.row(row)[first..], &right.row(row)[first..], dots);
        }
    });
}

vectorised! {
    fn scaled<N: Number, O: Number>(from: &[N], factors: &[f32], to: &mut [O]) {
        for ((to, from), factor) in to.iter_mut().zip(from).zip(factors) {
            *to = O::from_f32(from.to_f32() * factor);
        }
    }

    fn add_scaled<N: Number, O: Number>(from: &[N], factors: &[f32], to: &mut [O]) {
        for ((to, from), factor) in to.iter_mut().zip(from).zip(factors) {
            *to = O::from_f32(to.to_f32() + from.to_f32() * factor);
        }
    }

    fn add<N: Number>(from: &[N], sums: &mut [f32]) {
        for (sum, from) in sums.iter_mut().zip(from) {
            *sum += from.to_f32();
        }
    }

    fn add_products<N: Number>(left: &[N], right: &[N], sums: &mut [f32]) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left.to_f32() * right.to_f32();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;
    use crate::matrix_mut::MatrixMut;

    /// 3 rows of 70 small integers.
    fn numbers(seed: usize) -> Vec<f32> {
        (0..3 * 70).map(|i| ((i * seed + i / 7) % 9) as f32 - 4.0).collect()
    }

    fn check<N: Number>() {
        let (values, factors) = (numbers(5), numbers(3)[..69].to_vec());
        let values: Vec<f32> = values.chunks(70).flat_map(|row| row[..69].to_vec()).collect();
        let matrix = Matrix::<N>::from_f32(&values, 3, 69);
        let expected: Vec<f32> =
            values.iter().enumerate().map(|(i, value)| value * factors[i % 69]).collect();
        let one_more: Vec<f32> = expected.iter().map(|value| value + 1.0).collect();

        for (adds, expected) in [(false, &expected), (true, &one_more)] {
            let mut single = vec![1.0; 3 * 69];
            scale_columns(&matrix, &factors, Target::Overwrite(MatrixMut::new(&mut single, 3, 69)), adds);
            assert_eq!(&single, expected);
            let mut rounded = Matrix::<N>::from_f32(&[1.0; 3 * 69], 3, 69);
            scale_columns(&matrix, &factors, Target::Round(&mut rounded), adds);
            assert_eq!(rounded, Matrix::from_f32(expected, 3, 69));
        }
        let mut single = vec![1.0; 3 * 69];
        scale_columns(&matrix, &factors, Target::Add(MatrixMut::new(&mut single, 3, 69)), false);
        assert_eq!(single, one_more);

        let (mut sums, mut dots) = (vec![1.0; 69], vec![1.0; 69]);
        add_column_sums(&matrix, &mut sums);
        column_dots(&matrix, &matrix, &mut dots);
        for column in 0..69 {
            let values = [values[column], values[69 + column], values[138 + column]];
            assert_eq!(sums[column], 1.0 + values.iter().sum::<f32>());
            assert_eq!(dots[column], values.iter().map(|value| value * value).sum::<f32>());
        }
    }

    #[test]
    fn columns_are_scaled_and_summed_in_both_kinds_of_numbers() {
        check::<f32>();
        check::<Bf16>();
    }
}
