//! Elementwise kernels refuse slices of other lengths: what is too long must not be cut off silently.

use gradus_kernels::product::Target;
use gradus_kernels::{
    Bf16, Matrix, MatrixMut, add_assign, add_column_sums, column_dots, geglu, geglu_backward, rms_norm,
    rms_norm_add, rms_norm_again, rms_norm_backward, rms_norm_weight_gradient, scale_columns, swiglu,
    swiglu_backward,
};

const ROWS: usize = 3;
const WIDTH: usize = 5;
/// Of a row in bf16.
const STRIDE: usize = 6;

fn numbers(count: usize) -> Vec<f32> {
    vec![0.5; count]
}

fn rounded(count: usize) -> Vec<Bf16> {
    vec![Bf16::default(); count]
}

fn matrix(rows: usize, cols: usize) -> Matrix<Bf16> {
    Matrix::zeroed(rows, cols)
}

/// Calls a kernel with the lengths that it asks for, then with each of them one longer and one shorter.
fn check<const L: usize>(name: &str, lengths: [usize; L], kernel: fn([usize; L])) {
    kernel(lengths);
    for index in 0..L {
        for wrong in [lengths[index] - 1, lengths[index] + 1] {
            let mut lengths = lengths;
            lengths[index] = wrong;
            assert!(std::panic::catch_unwind(|| kernel(lengths)).is_err(), "{name} took {lengths:?}");
        }
    }
}

#[test]
fn sums_and_gates_have_as_many_elements_as_their_operands() {
    check("add_assign", [40, 40], |[to, add]| add_assign(&mut numbers(to), &numbers(add)));
    check("swiglu", [40, 40, 40], |[gate, up, output]| {
        swiglu(&numbers(gate), &numbers(up), &mut numbers(output));
    });
    check("swiglu_backward", [40, 40, 40], |[gate, up, d_output]| {
        swiglu_backward(&mut numbers(gate), &mut numbers(up), &mut numbers(d_output));
    });
    check("geglu", [40, 40, 40], |[gate, up, output]| {
        geglu(&numbers(gate), &numbers(up), &mut numbers(output));
    });
    check("geglu_backward", [40, 40, 40], |[gate, up, d_output]| {
        geglu_backward(&mut numbers(gate), &mut numbers(up), &mut numbers(d_output));
    });
}

#[test]
fn columns_have_a_factor_and_a_sum_each() {
    let shape = [WIDTH, ROWS, WIDTH];
    check("scale_columns, overwriting", shape, |[factors, rows, cols]| {
        let (mut to, factors) = (numbers(rows * cols), numbers(factors));
        let target = Target::Overwrite(MatrixMut::new(&mut to, rows, cols));
        scale_columns(&matrix(ROWS, WIDTH), &factors, target, false);
    });
    check("scale_columns, adding", shape, |[factors, rows, cols]| {
        let (mut to, factors) = (numbers(rows * cols), numbers(factors));
        let target = Target::Add(MatrixMut::new(&mut to, rows, cols));
        scale_columns(&matrix(ROWS, WIDTH), &factors, target, true);
    });
    check("scale_columns, rounding", shape, |[factors, rows, cols]| {
        let (mut to, factors) = (matrix(rows, cols), numbers(factors));
        scale_columns(&matrix(ROWS, WIDTH), &factors, Target::Round(&mut to), false);
    });
    check("add_column_sums", [WIDTH], |[sums]| add_column_sums(&matrix(ROWS, WIDTH), &mut numbers(sums)));
    check("column_dots", [ROWS, WIDTH, WIDTH], |[rows, cols, dots]| {
        column_dots(&matrix(rows, cols), &matrix(ROWS, WIDTH), &mut numbers(dots));
    });
}

#[test]
fn norms_have_rows_of_one_width() {
    let (whole, padded) = (ROWS * WIDTH, ROWS * STRIDE);
    let lengths = [whole, WIDTH, padded, padded, ROWS];
    check("rms_norm", lengths, |[input, weight, output, kept, rows]| {
        let into = (&mut rounded(output)[..], &mut rounded(kept)[..]);
        rms_norm(&numbers(input), &numbers(weight), 1e-5, into, &mut numbers(rows));
    });
    let lengths = [whole, WIDTH, whole, padded, ROWS];
    check("rms_norm_add", lengths, |[input, weight, sums, kept, rows]| {
        let into = (&mut numbers(sums)[..], &mut rounded(kept)[..]);
        rms_norm_add(&numbers(input), &numbers(weight), 1e-5, into, &mut numbers(rows));
    });
    check("rms_norm_again", [ROWS, WIDTH, WIDTH, ROWS, ROWS], |[rows, cols, weight, inverse, output]| {
        let mut output = matrix(output, WIDTH);
        rms_norm_again(&matrix(rows, cols), &numbers(weight), &numbers(inverse), &mut output);
    });
    let lengths = [padded, WIDTH, ROWS, whole, whole, padded];
    check("rms_norm_backward", lengths, |[kept, weight, inverse, d_output, d_input, copy]| {
        let into = (&mut numbers(d_input)[..], &mut rounded(copy)[..]);
        rms_norm_backward(&rounded(kept), &numbers(weight), &numbers(inverse), &numbers(d_output), into);
    });
    let lengths = [padded, ROWS, whole, WIDTH];
    check("rms_norm_weight_gradient", lengths, |[kept, inverse, d_output, d_weight]| {
        let d_output = numbers(d_output);
        rms_norm_weight_gradient(&rounded(kept), &numbers(inverse), &d_output, &mut numbers(d_weight));
    });
}
