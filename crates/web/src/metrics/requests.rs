//! What is counted of every request. Labels are the route's pattern, never the address itself: addresses are
//! of the clients' making, and without number.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::{Counter, Family, Gauge, Histogram, Registry};

/// From a page out of memory to an answer that a person has given up on.
const DURATION_BOUNDS_S: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) struct RequestMetrics {
    requests: Arc<Family<Counter>>,
    durations: Arc<Family<Histogram>>,
    in_flight: Arc<Gauge>,
}

impl RequestMetrics {
    pub(crate) fn register(registry: &Registry) -> Self {
        let requests = registry.counters(
            "gradus_http_requests_total",
            "Requests by route, method and class of status; `none` where the client left before the answer.",
            &["path", "method", "status"],
        );
        let durations = registry.histograms(
            "gradus_http_request_duration_seconds",
            "From the head of a request to the last byte of its answer.",
            &["path", "method"],
            DURATION_BOUNDS_S,
        );
        let in_flight = registry.gauges("gradus_http_requests_in_flight", "Requests being answered.", &[]);
        Self { requests, durations, in_flight: in_flight.with(&[]) }
    }

    pub(crate) fn begin(&self) {
        self.in_flight.add(1.0);
    }

    pub(crate) fn end(&self, method: &Method, path: &str, status: Option<StatusCode>, took: Duration) {
        self.in_flight.add(-1.0);
        self.requests.with(&[path, method.as_str(), class(status)]).increment();
        self.durations.with(&[path, method.as_str()]).observe(took.as_secs_f64());
    }
}

fn class(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        _ => "none",
    }
}
