//! How far to trust a mark, and what to leave to a person: probabilities that mean what they say, a
//! confidence above which answers are marked automatically, and the order in which to look at the rest.
//! Everything here is chosen on validation answers and knows nothing of models.

mod binomial;
mod design_effect;
mod no_threshold;
mod review_queue;
mod temperature;
mod threshold;

pub use no_threshold::NoThreshold;
pub use review_queue::{PendingAnswer, QueueEntry, ReviewQueue};
pub use temperature::{Temperature, TooFewAnswers};
pub use threshold::{JudgedAnswer, Threshold, WantedAgreement};
