//! How often a measured value fell into each of a few fixed ranges.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Gauge;
use super::family::Metric;
use super::value::{braced, number};

/// A histogram with fixed upper bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One count for each bound, of the values above the bound before; and one for all above the last.
    counts: Vec<AtomicU64>,
    sum: Gauge,
}

impl Histogram {
    /// Counts one value.
    pub fn observe(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum.add(value);
    }
}

impl Metric for Histogram {
    const KIND: &'static str = "histogram";
    /// The upper bounds, rising.
    type Shape = &'static [f64];

    fn new(bounds: &&'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: Gauge::default() }
    }

    fn render(&self, name: &str, labels: &str, out: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut total = 0;
        for (bound, count) in bounds.zip(&self.counts) {
            total += count.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{}\"}} {total}", number(bound));
        }
        let labels = braced(labels);
        let _ = writeln!(out, "{name}_sum{labels} {}", number(self.sum.get()));
        // The same total as the last range, so that a reader never sees them differ.
        let _ = writeln!(out, "{name}_count{labels} {total}");
    }
}
