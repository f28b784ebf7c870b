//! Agreement on the surest answers against how many these are, with the threshold that was chosen
//! (a risk-coverage curve, El-Yaniv and Wiener 2010, with agreement in place of risk).

use gradus_grading::metrics::Estimate;

use super::TRAINED;
use super::axes::{Axis, Frame, X_AXIS_HEIGHT, draw_x_axis, draw_y_axis, percent_ticks};
use super::estimate::{Along, draw_estimate};
use super::legend::{Entry, Key, draw_legend};
use super::scale::{Scale, ticks};
use super::svg::{ChartName, Point, Svg};
use crate::data::CoveragePoint;

/// The curve begins at this share of the answers: on the few surest, one error moves it across the chart.
const FIRST_COVERAGE: f64 = 0.05;
/// More points than this and some are left out: the eye cannot tell, and the page stays small.
const MOST_POINTS: usize = 240;
/// The vertical axis begins at a multiple of this, and at the highest two of them below the top.
const DOMAIN_STEP: f64 = 0.1;

/// What the chart shows.
pub(crate) struct CoverageChart<'a> {
    /// Ascending in coverage.
    pub(crate) curve: &'a [CoveragePoint],
    /// The agreement that automatic marks should have.
    pub(crate) wanted: Option<f64>,
    /// The share of answers that the chosen threshold accepts, and the agreement on them.
    pub(crate) chosen: Option<(f64, Estimate)>,
}

impl CoverageChart<'_> {
    /// Draws the curve at that width in SVG units; `None` where it has no point.
    pub(crate) fn draw(&self, width: f64, name: &ChartName) -> Option<String> {
        let curve = self.shown();
        let lowest = self.lowest(&curve)?;
        let mut svg = Svg::new(width);
        let legend = self.legend();
        // A curve that is alone needs no key.
        let top = if legend.len() > 1 { draw_legend(&mut svg, width, &legend) + 8.0 } else { 10.0 };
        let frame =
            Frame { left: 52.0, top, right: width - 18.0, bottom: top + (width * 0.42).clamp(180.0, 240.0) };
        let x = Scale::new((0.0, 1.0), (frame.left, frame.right));
        let y = Scale::new((lowest, 1.0), (frame.bottom, frame.top));
        let mut y_ticks = ticks((lowest * 100.0, 100.0), 5, true);
        y_ticks.iter_mut().for_each(|tick| tick.value /= 100.0);
        let x_axis = Axis { title: "Surest answers that are marked (%)", ticks: &percent_ticks(), scale: x };
        draw_x_axis(&mut svg, frame, &x_axis);
        draw_y_axis(
            &mut svg,
            frame,
            &Axis { title: "Same mark as the teacher (%)", ticks: &y_ticks, scale: y },
        );
        if let Some(wanted) = self.wanted {
            svg.line("ideal", (frame.left, y.clamped(wanted)), (frame.right, y.clamped(wanted)));
        }
        let places: Vec<Point> =
            curve.iter().map(|point| (x.clamped(point.coverage), y.clamped(point.agreement))).collect();
        svg.polyline("curve coverage", &places);
        if let Some((coverage, agreement)) = self.chosen {
            let at = x.clamped(coverage);
            svg.line("kept", (at, frame.top), (at, frame.bottom));
            draw_estimate(&mut svg, TRAINED, agreement, (y, Along::Y(at)));
        }
        Some(svg.finish(frame.bottom + X_AXIS_HEIGHT, name))
    }

    /// The points that are drawn; the last of all is always among them.
    fn shown(&self) -> Vec<CoveragePoint> {
        let is_shown = |point: &&CoveragePoint| {
            point.coverage >= FIRST_COVERAGE && point.coverage.is_finite() && point.agreement.is_finite()
        };
        let points: Vec<CoveragePoint> = self.curve.iter().filter(is_shown).copied().collect();
        let every = points.len().div_ceil(MOST_POINTS).max(1);
        let mut thin: Vec<CoveragePoint> = points.iter().rev().step_by(every).copied().collect();
        thin.reverse();
        thin
    }

    /// Where the vertical axis begins.
    fn lowest(&self, curve: &[CoveragePoint]) -> Option<f64> {
        let of_the_curve = curve.iter().map(|point| point.agreement).reduce(f64::min)?;
        let chosen = self.chosen.map(|(_, agreement)| agreement.low);
        let values = [self.wanted, chosen].into_iter().flatten();
        let lowest = values.filter(|value| value.is_finite()).fold(of_the_curve, f64::min);
        Some(((lowest / DOMAIN_STEP).floor() * DOMAIN_STEP).clamp(0.0, 1.0 - 2.0 * DOMAIN_STEP))
    }

    fn legend(&self) -> Vec<Entry<'static>> {
        let curve = Entry { key: Key::Line("curve coverage"), text: "Trained model" };
        let wanted = self.wanted.map(|_| Entry { key: Key::Line("ideal"), text: "Wanted agreement" });
        let key = Key::Interval(TRAINED.shape, TRAINED.class);
        let chosen = self.chosen.map(|_| Entry { key, text: "Chosen threshold" });
        [Some(curve), wanted, chosen].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(curve: &[CoveragePoint]) -> CoverageChart<'_> {
        CoverageChart { curve, wanted: Some(0.9), chosen: None }
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_end_and_drops_its_noisy_beginning() {
        let point = |number: usize| CoveragePoint {
            coverage: number as f64 / 5000.0,
            agreement: if number < 100 { 0.0 } else { 0.75 },
        };
        let curve: Vec<CoveragePoint> = (1..=5000).map(point).collect();
        let shown = chart(&curve).shown();
        assert!(shown.len() <= MOST_POINTS && shown.len() > MOST_POINTS / 2, "{}", shown.len());
        assert_eq!(shown.last().map(|point| point.coverage), Some(1.0));
        assert!((chart(&curve).lowest(&shown).unwrap() - 0.7).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_drawn_without_a_finite_point() {
        let curve = [CoveragePoint { coverage: 1.0, agreement: f64::NAN }];
        assert_eq!(chart(&curve).lowest(&chart(&curve).shown()), None);
    }
}
