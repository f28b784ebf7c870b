//! Speed of the products in bf16 and f32: the shapes of a small decoder, against a square product as the
//! peak. `cargo bench -p gradus-kernels [LEVEL]`, on a quiet machine; `RAYON_NUM_THREADS` sets the threads.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use gradus_kernels::cpu::{self, Level};
use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Bf16, Matrix, MatrixMut, Number};

fn main() -> Result<(), cpu::Unsupported> {
    if let Some(level) = std::env::args().find_map(|word| Level::from_name(&word)) {
        cpu::force(level)?;
    }
    println!("GFLOP/s, {}", cpu::level().name());
    println!("{:>22}  {:>10}  {:>8}  {:>8}", "m x n x k", "right", "bf16", "f32");
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
    ] {
        let (m, n, k) = shape;
        let (bf16, f32) = (gigaflops::<Bf16>(shape, by_rows), gigaflops::<f32>(shape, by_rows));
        let right = if by_rows { "[n, k]" } else { "[k, n]" };
        println!("{:>22}  {right:>10}  {bf16:>8.1}  {f32:>8.1}", format!("{m} x {n} x {k}"));
    }
    Ok(())
}

fn gigaflops<N: Number>((m, n, k): (usize, usize, usize), by_rows: bool) -> f64 {
    let numbers = |count: usize| -> Vec<f32> { (0..count).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect() };
    let left = Matrix::<N>::from_f32(&numbers(m * k), m, k);
    let right = if by_rows {
        Matrix::from_f32(&numbers(n * k), n, k)
    } else {
        Matrix::from_f32(&numbers(n * k), k, n)
    };
    let mut result = vec![0.0; m * n];
    let mut best = f64::INFINITY;
    let started = Instant::now();
    while started.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        let right = if by_rows { Right::Rows(right.view()) } else { Right::Columns(right.view()) };
        let terms = vec![Term { left: Left::Rows(left.view()), right }];
        let target = Target::Overwrite(MatrixMut::new(&mut result, m, n));
        rayon::scope(|_| multiply(&mut [Product { target, terms }]));
        black_box(&mut result);
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * (m * n * k) as f64 / best / 1e9
}
