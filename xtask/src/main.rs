//! Developer commands: test set-up, tidy checks and benchmarks.

fn main() {}
