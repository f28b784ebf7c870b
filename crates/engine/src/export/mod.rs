//! A trained adapter for other programs: as Hugging Face PEFT keeps adapters, or merged into its base
//! model as safetensors or GGUF. An export appears under its name only when it is complete and has been checked.

mod draft;
mod drift;
mod error;
pub mod gguf;
pub mod merged;
pub mod peft;
mod tensors;

pub use drift::Drift;
pub use error::ExportError;
pub use tensors::Precision;
