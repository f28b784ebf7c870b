//! Counters, gauges and histograms of one server, in Prometheus' text format. Each server has a registry of
//! its own: nothing here is global, so that two servers in one process count apart.

mod family;
mod histogram;
mod registry;
mod requests;
mod value;

pub use family::Family;
pub use histogram::Histogram;
pub use registry::{EXPOSITION_CONTENT_TYPE, Registry};
pub(crate) use requests::RequestMetrics;
pub use value::{Counter, Gauge};
