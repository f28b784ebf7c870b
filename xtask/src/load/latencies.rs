//! Many durations in a few numbers.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Latencies {
    pub(super) count: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl Latencies {
    /// Those of durations in any order; zeros for none.
    pub(super) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        // The smallest duration that so large a share of all are not above ("nearest rank").
        let rank = |share: f64| ((durations.len() as f64 * share).ceil() as usize).max(1) - 1;
        let at = |rank: usize| durations.get(rank).map_or(0.0, |duration| duration.as_secs_f64() * 1e3);
        Self {
            count: durations.len(),
            p50_ms: at(rank(0.5)),
            p99_ms: at(rank(0.99)),
            max_ms: at(durations.len().saturating_sub(1)),
        }
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50_ms, p99_ms, max_ms } = self;
        write!(formatter, "p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, longest {max_ms:.1} ms of {count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_durations_the_ninety_ninth_is_the_p99() {
        let latencies = Latencies::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!((latencies.p50_ms, latencies.p99_ms, latencies.max_ms), (50.0, 99.0, 100.0));
        assert_eq!(Latencies::of(vec![Duration::from_millis(7)]).p99_ms, 7.0);
        assert_eq!(Latencies::of(Vec::new()).count, 0);
    }
}
