//! All metrics of one server.

use std::sync::{Arc, Mutex, PoisonError};

use super::family::{Metric, Rendered};
use super::{Counter, Family, Gauge, Histogram};

/// The media type of [`Registry::render`].
pub const EXPOSITION_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A set of metric families, shared by cloning.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Vec<Arc<dyn Rendered>>>>);

impl Registry {
    /// A registry without metrics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A family of counters. Its name ends with `_total`.
    pub fn counters(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Arc<Family<Counter>> {
        self.add(Family::new(name, help, labels, ()))
    }

    /// A family of gauges.
    pub fn gauges(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Arc<Family<Gauge>> {
        self.add(Family::new(name, help, labels, ()))
    }

    /// A family of histograms with rising upper `bounds`.
    pub fn histograms(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
    ) -> Arc<Family<Histogram>> {
        self.add(Family::new(name, help, labels, bounds))
    }

    /// All metrics in Prometheus' text format, by name.
    #[must_use]
    pub fn render(&self) -> String {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        families.sort_by_key(|family| family.name());
        let mut text = String::new();
        for family in families {
            family.render(&mut text);
        }
        text
    }

    fn add<M: Metric>(&self, family: Family<M>) -> Arc<Family<M>> {
        let family = Arc::new(family);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&family) as Arc<dyn Rendered>);
        family
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_written_as_prometheus_reads_them() {
        let registry = Registry::new();
        let jobs = registry.counters("gradus_jobs_total", "Jobs by kind.", &["kind", "state"]);
        jobs.with(&["train", "done"]).add(3);
        jobs.with(&["a\"b\\c\nd", "done"]).increment();
        registry.gauges("gradus_depth", "Waiting jobs.", &[]).with(&[]).set(2.5);
        let seconds = registry.histograms("gradus_wait_seconds", "Time waited.", &["kind"], &[0.1, 1.0]);
        for value in [0.05, 0.1, 0.5, 7.0] {
            seconds.with(&["train"]).observe(value);
        }
        let expected = "\
# HELP gradus_depth Waiting jobs.
# TYPE gradus_depth gauge
gradus_depth 2.5
# HELP gradus_jobs_total Jobs by kind.
# TYPE gradus_jobs_total counter
gradus_jobs_total{kind=\"a\\\"b\\\\c\\nd\",state=\"done\"} 1
gradus_jobs_total{kind=\"train\",state=\"done\"} 3
# HELP gradus_wait_seconds Time waited.
# TYPE gradus_wait_seconds histogram
gradus_wait_seconds_bucket{kind=\"train\",le=\"0.1\"} 2
gradus_wait_seconds_bucket{kind=\"train\",le=\"1\"} 3
gradus_wait_seconds_bucket{kind=\"train\",le=\"+Inf\"} 4
gradus_wait_seconds_sum{kind=\"train\"} 7.65
gradus_wait_seconds_count{kind=\"train\"} 4
";
        assert_eq!(registry.render(), expected);
    }

    #[test]
    fn a_gauge_goes_up_and_down_from_many_threads() {
        let gauge = Gauge::default();
        std::thread::scope(|scope| {
            for change in [1.0, -1.0, 2.0] {
                let gauge = &gauge;
                scope.spawn(move || (0..1000).for_each(|_| gauge.add(change)));
            }
        });
        assert!((gauge.get() - 2000.0).abs() < f64::EPSILON);
    }

    #[test]
    fn two_registries_count_apart() {
        let (one, other) = (Registry::new(), Registry::new());
        for registry in [&one, &other] {
            registry.counters("gradus_x_total", "X.", &[]);
        }
        one.counters("gradus_y_total", "Y.", &[]).with(&[]).increment();
        assert!(one.render().contains("gradus_y_total 1"));
        assert!(!other.render().contains("gradus_y_total"));
    }
}
