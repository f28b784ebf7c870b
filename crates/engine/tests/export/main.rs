//! Adapters and models for other programs, and training held against transformers + PEFT. The runs to
//! reproduce are made by `xtask/reference/peft_parity.py`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod environment;
mod gguf;
mod gguf_tokenizer;
mod llama_cpp;
mod merged;
mod parity;
mod peft;
mod python;
mod reference;
