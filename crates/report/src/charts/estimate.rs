//! One value with its interval: a mark on a line with ends.

use gradus_grading::metrics::Estimate;

use super::Series;
use super::scale::Scale;
use super::svg::{Point, Svg};

/// Half the length of the strokes at an interval's ends.
const END: f64 = 3.5;

/// Which way the scale of the values runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along {
    /// Values run to the right; the other coordinate is this.
    X(f64),
    /// Values run upwards; the other coordinate is this.
    Y(f64),
}

/// Draws the estimate; nothing where its value is not finite.
pub(super) fn draw_estimate(svg: &mut Svg, series: Series<'_>, estimate: Estimate, place: (Scale, Along)) {
    let (scale, along) = place;
    if !estimate.value.is_finite() {
        return;
    }
    let at = |value: f64, aside: f64| -> Point {
        match along {
            Along::X(y) => (scale.clamped(value), y + aside),
            Along::Y(x) => (x + aside, scale.clamped(value)),
        }
    };
    let class = format!("interval {}", series.class);
    svg.line(&class, at(estimate.low, 0.0), at(estimate.high, 0.0));
    for end in [estimate.low, estimate.high] {
        svg.line(&class, at(end, -END), at(end, END));
    }
    svg.mark(series.shape, series.class, at(estimate.value, 0.0));
}
