//! Speed of the products in bf16 and f32: the shapes of a small decoder, against a square product as the
//! peak. `cargo bench -p gradus-kernels [LEVEL]`, on a quiet machine; `RAYON_NUM_THREADS` sets the threads.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use gradus_kernels::cpu::{self, Level};
use gradus_kernels::product::{Left, Product, Target, Term, multiply};
use gradus_kernels::quantised::{Format, QuantisedMatrix};
use gradus_kernels::{Bf16, Matrix, MatrixMut, Number, Weight};

fn main() -> Result<(), cpu::Unsupported> {
    if let Some(level) = std::env::args().find_map(|word| Level::from_name(&word)) {
        cpu::force(level)?;
    }
    println!("GFLOP/s, {}", cpu::level().name());
    print!("{:>22}  {:>8}", "m x n x k", "right");
    KINDS.iter().for_each(|kind| print!("  {kind:>10}"));
    println!();
    for (shape, by_rows) in [
        ((2048, 2048, 2048), true),
        ((1024, 576, 576), true),
        ((1024, 576, 576), false),
        ((1024, 1536, 576), true),
        ((1024, 576, 1536), true),
        ((1024, 576, 1536), false),
        ((1024, 16, 576), true),
        ((256, 49152, 576), true),
        ((256, 576, 49152), false),
        ((64, 576, 576), true),
        ((1, 1536, 576), true),
        ((1, 49152, 576), true),
        ((4, 49152, 576), true),
        ((8, 49152, 576), true),
        ((16, 49152, 576), true),
    ] {
        let (m, n, k) = shape;
        let right = if by_rows { "[n, k]" } else { "[k, n]" };
        print!("{:>22}  {right:>8}", format!("{m} x {n} x {k}"));
        for kind in KINDS {
            let (seconds, bytes) = if kind.starts_with("f32") {
                seconds::<f32>(shape, by_rows, kind)
            } else {
                seconds::<Bf16>(shape, by_rows, kind)
            };
            // Products of a few rows wait for memory.
            if m <= 16 {
                print!("  {:>5.0} GB/s", bytes as f64 / seconds / 1e9);
            } else {
                print!("  {:>10.1}", 2.0 * (m * n * k) as f64 / seconds / 1e9);
            }
        }
        println!();
    }
    Ok(())
}

/// What the operands are: the numbers of both, or those of the left one and the format of the right one.
const KINDS: [&str; 6] = ["bf16", "bf16 Q4_1", "bf16 Q8_0", "f32", "f32 Q4_1", "f32 Q8_0"];

/// The shortest time of a product, and the bytes of its right operand.
fn seconds<N: Number>((m, n, k): (usize, usize, usize), by_rows: bool, kind: &str) -> (f64, usize) {
    let numbers = |count: usize| -> Vec<f32> { (0..count).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect() };
    let left = Matrix::<N>::from_f32(&numbers(m * k), m, k);
    let (rows, cols) = if by_rows { (n, k) } else { (k, n) };
    let quantised = |format| QuantisedMatrix::quantise(format, &numbers(n * k), rows, cols).ok();
    let quantised = match kind.split_once(' ').map(|(_, format)| format) {
        Some("Q4_1") => quantised(Format::Q4_1),
        Some(_) => quantised(Format::Q8_0),
        None => None,
    };
    let bytes = quantised.as_ref().map_or(n * k * size_of::<N>(), QuantisedMatrix::bytes);
    let dense = || Matrix::from_f32(&numbers(n * k), rows, cols);
    let weight = quantised.map_or_else(|| Weight::Dense(dense()), Weight::Quantised);
    let right = if by_rows { weight.view().by_rows() } else { weight.view().by_columns() };
    let mut result = vec![0.0; m * n];
    let mut best = f64::INFINITY;
    let started = Instant::now();
    while started.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        let terms = vec![Term { left: Left::Rows(left.view()), right }];
        let target = Target::Overwrite(MatrixMut::new(&mut result, m, n));
        rayon::scope(|_| multiply(&mut [Product { target, terms }]));
        black_box(&mut result);
        best = best.min(start.elapsed().as_secs_f64());
    }
    (best, bytes)
}
