//! The training engine: models, LoRA, backends, training, generation, scoring and export.
//! Knows nothing of guides, marks, users or servers. The only crate that knows candle.

pub mod adapter;
pub mod backend;
pub mod batch;
pub mod chat;
pub mod config;
pub mod export;
pub mod files;
pub mod generation;
pub mod memory;
pub mod preflight;
pub mod random;
pub mod reading;
pub mod scoring;
pub mod tokenizer;
pub mod training;

/// Which instructions the mathematics uses, for those who start the process.
pub use gradus_kernels::cpu;
