//! The nouns that every other crate shares. No I/O, no dependencies on the rest of Gradus.

mod clock;
mod marks;
pub mod text;

pub use clock::{Clock, FixedClock, SystemClock};
pub use marks::{Marks, ParseMarksError};
