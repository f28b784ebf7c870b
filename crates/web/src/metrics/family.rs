//! Metrics of one name that differ by their labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

/// A kind of metric.
pub(super) trait Metric: Send + Sync + 'static {
    /// Its name in the text format.
    const KIND: &'static str;
    /// What all metrics of a family have in common.
    type Shape: Send + Sync;

    fn new(shape: &Self::Shape) -> Self;

    /// Adds its lines. `labels` are finished text without braces.
    fn render(&self, name: &str, labels: &str, out: &mut String);
}

/// All metrics of one name.
#[derive(Debug)]
#[expect(private_bounds, reason = "the kinds of metrics are those of this module")]
pub struct Family<M: Metric> {
    name: &'static str,
    help: &'static str,
    label_names: &'static [&'static str],
    shape: M::Shape,
    /// By the finished text of their labels.
    metrics: RwLock<BTreeMap<String, Arc<M>>>,
}

#[expect(private_bounds, reason = "the kinds of metrics are those of this module")]
impl<M: Metric> Family<M> {
    pub(super) fn new(
        name: &'static str,
        help: &'static str,
        label_names: &'static [&'static str],
        shape: M::Shape,
    ) -> Self {
        Self { name, help, label_names, shape, metrics: RwLock::default() }
    }

    /// The metric with these values of the labels, in the order of their names. Values must come from a
    /// small set: each combination is kept for ever.
    pub fn with(&self, label_values: &[&str]) -> Arc<M> {
        let labels = self.labels(label_values);
        if let Some(metric) = self.metrics.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return Arc::clone(metric);
        }
        let mut metrics = self.metrics.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(metrics.entry(labels).or_insert_with(|| Arc::new(M::new(&self.shape))))
    }

    fn labels(&self, values: &[&str]) -> String {
        debug_assert_eq!(self.label_names.len(), values.len(), "labels of {}", self.name);
        let pairs = self.label_names.iter().zip(values);
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        pairs.join(",")
    }
}

/// A family of any kind, as the registry renders it.
pub(super) trait Rendered: Send + Sync {
    fn name(&self) -> &'static str;
    fn render(&self, out: &mut String);
}

impl<M: Metric> Rendered for Family<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn render(&self, out: &mut String) {
        let help = self.help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(out, "# HELP {} {help}\n# TYPE {} {}", self.name, self.name, M::KIND);
        for (labels, metric) in &*self.metrics.read().unwrap_or_else(PoisonError::into_inner) {
            metric.render(self.name, labels, out);
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
