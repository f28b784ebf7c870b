//! A clock that is moved by hand.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::Clock;

/// A clock that stands still until it is moved; clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl Default for ManualClock {
    /// Noon of a day in 2026, in microseconds, as databases keep them.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(DateTime::from_timestamp_micros(1_795_435_200_123_456).unwrap())))
    }
}

impl ManualClock {
    /// Moves it on.
    pub fn advance_seconds(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}
