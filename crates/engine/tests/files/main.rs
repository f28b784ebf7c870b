//! Reading models from disk: sound, damaged, and the real SmolLM2.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod computing;
mod damage;
mod gemma3;
mod reading;
mod smollm2;
mod tiny_model;
