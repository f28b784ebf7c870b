//! A trained model for other programs: as Hugging Face PEFT keeps adapters, or whole, as safetensors or GGUF.
//! An export appears under its name only when it is complete and has been checked.

mod description;
mod draft;
mod drift;
mod error;
pub mod full;
pub mod gguf;
pub mod merged;
mod original;
pub mod peft;
mod tensors;

pub use description::ModelDescription;
pub use drift::Drift;
pub use error::ExportError;
pub use original::Original;
pub use tensors::Precision;
