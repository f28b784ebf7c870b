//! How far to trust a mark, and what to leave to a person: probabilities that mean what they say, a
//! confidence above which answers are marked automatically, and what a look at each of the rest is worth.
//! Everything here is chosen on validation answers and knows nothing of models.

mod binomial;
mod design_effect;
mod no_threshold;
mod review;
mod temperature;
mod threshold;

pub use no_threshold::NoThreshold;
pub use review::expected_error;
pub use temperature::{Temperature, TooFewAnswers};
pub use threshold::{JudgedAnswer, Threshold, WantedAgreement};
