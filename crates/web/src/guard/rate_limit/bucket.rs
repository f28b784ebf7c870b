//! One token bucket.

use std::time::Duration;

use tokio::time::Instant;

use super::Quota;

/// What a client may still draw, as of the last time it did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: f64,
    drawn_at: Instant,
}

impl Bucket {
    pub(super) fn full(quota: Quota, now: Instant) -> Self {
        Self { level: f64::from(quota.requests), drawn_at: now }
    }

    /// Takes one request out; false leaves the bucket as it is.
    pub(super) fn draw(&mut self, quota: Quota, now: Instant) -> bool {
        self.level = self.level_at(quota, now);
        self.drawn_at = now;
        let granted = self.level >= 1.0;
        if granted {
            self.level -= 1.0;
        }
        granted
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a level lies between 0 and a number of requests"
    )]
    pub(super) fn remaining(&self) -> u32 {
        self.level as u32
    }

    pub(super) fn full_in(&self, quota: Quota) -> Duration {
        self.time_to(quota, f64::from(quota.requests))
    }

    pub(super) fn next_in(&self, quota: Quota) -> Duration {
        self.time_to(quota, 1.0)
    }

    pub(super) fn is_full_at(&self, quota: Quota, now: Instant) -> bool {
        self.level_at(quota, now) >= f64::from(quota.requests)
    }

    pub(super) fn last_drawn(&self) -> Instant {
        self.drawn_at
    }

    fn level_at(&self, quota: Quota, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.drawn_at).as_secs_f64();
        let capacity = f64::from(quota.requests);
        (self.level + elapsed * capacity / quota.window.as_secs_f64()).min(capacity)
    }

    fn time_to(&self, quota: Quota, level: f64) -> Duration {
        let missing = (level - self.level).max(0.0);
        quota.window.mul_f64(missing / f64::from(quota.requests.max(1)))
    }
}
