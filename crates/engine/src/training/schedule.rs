//! The learning rate over a run: linear warm-up, then constant, linear or cosine decay.

use serde::{Deserialize, Serialize};

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at its peak.
    Constant,
    /// Falls in a straight line to the final share.
    Linear,
    /// Falls along half a cosine to the final share.
    Cosine,
}

/// Share of the peak that decaying schedules end at; at exactly zero the last steps would be wasted.
const FINAL_SHARE: f64 = 0.02;

impl Schedule {
    /// The factor on the peak learning rate for update `step` (from 0) of `total`, with the first
    /// `warmup` updates rising linearly.
    pub fn factor(self, step: u64, total: u64, warmup: u64) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / warmup as f64;
        }
        let progress = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
        let decayed = match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - progress,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        decayed.max(FINAL_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls() {
        let at = |schedule: Schedule, step| schedule.factor(step, 100, 10);
        assert!((at(Schedule::Linear, 0) - 0.1).abs() < 1e-12);
        assert!((at(Schedule::Linear, 9) - 1.0).abs() < 1e-12);
        assert!((at(Schedule::Linear, 55) - 0.5).abs() < 1e-12);
        assert!((at(Schedule::Cosine, 55) - 0.5).abs() < 1e-12);
        assert!((at(Schedule::Linear, 99) - FINAL_SHARE).abs() < 1e-12);
        assert!((at(Schedule::Constant, 99) - 1.0).abs() < 1e-12);
    }
}
