//! Bytes to text with structure: one folder a format under `formats`, one registration list.
//!
//! [`extract`] is a pure function of a name, bytes and limits, and its result serialises, so that it
//! can be moved into a child process as it is. What the present in-process guard protects from, and
//! what it does not, stands in `guard`.

mod blocks;
mod encoding;
mod error;
mod extract;
mod extraction;
mod format;
mod formats;
mod guard;
mod limits;
mod markers;
mod numerals;
mod quality;
mod recognise;
mod running_lines;
mod symbols;
mod unsupported;

pub use error::{ExtractError, Failure};
pub use extract::extract;
pub use extraction::{Attempt, Extracted, Extraction, Outcome, Warning};
pub use format::{Confidence, Extractor, Format};
pub use formats::formats;
pub use limits::Limits;
pub use recognise::recognise;
