//! Adapters and models for other programs, and training held against transformers + PEFT. The runs to
//! reproduce are made by `xtask/reference/peft_parity.py`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod environment;
mod gemma3;
mod gguf;
mod gguf_tokenizer;
#[path = "../support/level.rs"]
mod level;
mod llama_cpp;
mod long_parity;
mod merged;
mod parity;
mod peft;
mod python;
mod reference;
