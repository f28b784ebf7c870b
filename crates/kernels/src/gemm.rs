//! Matrix products. Cut into pieces by shape alone, so the thread count never changes a bit.

use ::gemm::Parallelism;
use rayon::prelude::*;

use crate::matrix::{Matrix, MatrixMut};
use crate::shared::SharedSlice;

/// Whether a product replaces the destination or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// The destination is overwritten.
    Overwrite,
    /// The product is added to the destination.
    Add,
}

/// Below this many multiply-adds one thread is faster than several.
const PARALLEL_THRESHOLD: usize = 1 << 20;
/// Pieces that a large product is cut into: enough to balance a few cores, each still large.
const PIECES: usize = 8;

/// `destination (+)= scale * left x right`; left is `m x k`, right is `k x n`.
///
/// # Panics
/// Where the shapes do not fit.
pub fn multiply(
    destination: &mut [f32],
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
) {
    let (m, n) = (left.rows, right.cols);
    assert_eq!(destination.len(), m * n, "product size");
    if m * n * left.cols < PARALLEL_THRESHOLD {
        let all = MatrixMut::new(destination, m, n);
        return multiply_serial(all, left, right, scale, accumulate);
    }
    let shared = SharedSlice::new(destination);
    let by_columns = n >= m;
    let piece = (if by_columns { n } else { m }).div_ceil(PIECES).next_multiple_of(32);
    (0..PIECES).into_par_iter().for_each(|index| {
        let cut = |whole: usize| (index * piece).min(whole)..((index + 1) * piece).min(whole);
        let (rows, cols) = if by_columns { (0..m, cut(n)) } else { (cut(m), 0..n) };
        if rows.is_empty() || cols.is_empty() {
            return;
        }
        // SAFETY: the pieces are disjoint ranges of columns, or of rows.
        #[expect(unsafe_code, reason = "disjoint parts of one destination")]
        let part = unsafe { shared.matrix(rows.start * n + cols.start, rows.len(), cols.len(), n) };
        multiply_serial(part, left.rows(rows), right.cols(cols), scale, accumulate);
    });
}

/// [`multiply`] on the calling thread, into a strided view.
pub(crate) fn multiply_serial(
    mut destination: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
) {
    assert_eq!(left.cols, right.rows, "inner dimensions");
    assert_eq!((destination.rows, destination.cols), (left.rows, right.cols), "product shape");
    for operand in [left, right] {
        let last = operand.rows.saturating_sub(1) * operand.row_stride
            + operand.cols.saturating_sub(1) * operand.col_stride;
        let empty = operand.rows == 0 || operand.cols == 0;
        assert!(empty || last < operand.data.len(), "operand within its data");
    }
    let alpha = f32::from(accumulate == Accumulate::Add);
    // SAFETY: every index the strides reach is inside the operands (asserted above) and inside the
    // destination (an invariant of MatrixMut), which overlaps neither operand as it is exclusive.
    #[expect(unsafe_code, reason = "the gemm crate takes raw pointers")]
    unsafe {
        ::gemm::gemm(
            left.rows,
            right.cols,
            left.cols,
            destination.pointer(),
            1,
            destination.row_stride as isize,
            accumulate == Accumulate::Add,
            left.data.as_ptr(),
            left.col_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.col_stride as isize,
            right.row_stride as isize,
            alpha,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in f64.
    fn reference(left: Matrix<'_>, right: Matrix<'_>) -> Vec<f64> {
        let at = |x: Matrix<'_>, r: usize, c: usize| f64::from(x.data[r * x.row_stride + c * x.col_stride]);
        (0..left.rows * right.cols)
            .map(|i| {
                let (row, col) = (i / right.cols, i % right.cols);
                (0..left.cols).map(|k| at(left, row, k) * at(right, k, col)).sum()
            })
            .collect()
    }

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed | 1;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_product_of_any_shape_and_orientation_matches_its_definition(
            m in 1usize..70, n in 1usize..70, k in 1usize..70,
            transpose_left: bool, transpose_right: bool, seed: u32,
        ) {
            let (a, b) = (numbers(m * k, seed), numbers(k * n, seed ^ 77));
            let left = if transpose_left { Matrix::new(&a, k, m).transposed() } else { Matrix::new(&a, m, k) };
            let right = if transpose_right { Matrix::new(&b, n, k).transposed() } else { Matrix::new(&b, k, n) };
            let mut product = vec![1.0; m * n];
            multiply(&mut product, left, right, 2.0, Accumulate::Add);
            for (got, expected) in product.iter().zip(reference(left, right)) {
                prop_assert!((f64::from(*got) - (1.0 + 2.0 * expected)).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_large_product_has_the_same_bits_on_one_and_on_two_threads() {
        let (m, n, k) = (130, 300, 576);
        let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut product = vec![0.0; m * n];
            let right = Matrix::new(&b, n, k).transposed();
            pool.install(|| {
                multiply(&mut product, Matrix::new(&a, m, k), right, 1.0, Accumulate::Overwrite);
            });
            product
        };
        let one = run(1);
        assert_eq!(one, run(2));
        let expected = reference(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transposed());
        assert!(one.iter().zip(expected).all(|(x, e)| (f64::from(*x) - e).abs() < 1e-3));
    }
}
