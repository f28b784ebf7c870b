//! How long to wait before the worker is started again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The wait after so many crashes without an answer between them: none after the first, then twice as long
/// each time.
pub(super) fn wait_after(crashes: u32) -> Duration {
    match crashes {
        0 | 1 => Duration::ZERO,
        more => FIRST.saturating_mul(1 << (more - 2).min(16)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_crash_costs_nothing_and_each_further_one_twice_as_much() {
        let waits: Vec<u128> = (0..10).map(|crashes| wait_after(crashes).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(wait_after(u32::MAX), LONGEST);
    }
}
