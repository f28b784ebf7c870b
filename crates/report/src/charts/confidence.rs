//! Confidence against reality: how often marks are the teacher's at each stated confidence, with the
//! number of answers behind each point.

use gradus_grading::metrics::ConfidenceBin;

use super::axes::{Axis, Frame, X_AXIS_HEIGHT, draw_x_axis, draw_y_axis, percent_ticks};
use super::estimate::{Along, draw_estimate};
use super::legend::{Entry, Key, draw_legend};
use super::scale::Scale;
use super::svg::{Anchor, ChartName, Svg};
use super::{LINE_HEIGHT, TRAINED, text_width};
use crate::intervals::share_interval;

/// Height of the strip of bars that shows the counts.
const STRIP_HEIGHT: f64 = 52.0;

/// Draws the bins at that width in SVG units; `None` where no bin holds an answer.
pub(crate) fn confidence_chart(bins: &[ConfidenceBin], width: f64, name: &ChartName) -> Option<String> {
    let filled: Vec<&ConfidenceBin> = bins.iter().filter(|bin| bin.count > 0).collect();
    if filled.is_empty() {
        return None;
    }
    let mut svg = Svg::new(width);
    let top = draw_legend(&mut svg, width, &legend()) + 6.0;
    let plot =
        Frame { left: 52.0, top, right: width - 18.0, bottom: top + (width * 0.42).clamp(180.0, 240.0) };
    let strip = Frame { top: plot.bottom, bottom: plot.bottom + STRIP_HEIGHT, ..plot };
    let x = Scale::new((0.0, 1.0), (plot.left, plot.right));
    let y = Scale::new((0.0, 1.0), (plot.bottom, plot.top));
    let ticks = percent_ticks();
    draw_x_axis(
        &mut svg,
        strip,
        &Axis { title: "Model’s confidence in its mark (%)", ticks: &ticks, scale: x },
    );
    draw_y_axis(&mut svg, plot, &Axis { title: "Same mark as the teacher (%)", ticks: &ticks, scale: y });
    svg.line("grid", (plot.right, plot.top), (plot.right, strip.bottom));
    draw_counts(&mut svg, &filled, strip, x);
    svg.line("ideal", (x.at(0.0), y.at(0.0)), (x.at(1.0), y.at(1.0)));
    for bin in filled {
        let share = share_interval(bin.accuracy, bin.count);
        draw_estimate(&mut svg, TRAINED, share, (y, Along::Y(x.clamped(bin.mean_confidence))));
    }
    Some(svg.finish(strip.bottom + X_AXIS_HEIGHT, name))
}

fn legend() -> [Entry<'static>; 2] {
    [
        Entry { key: Key::Interval(TRAINED.shape, TRAINED.class), text: "Answers of like confidence" },
        Entry { key: Key::Line("ideal"), text: "Confidence taken at its word" },
    ]
}

fn draw_counts(svg: &mut Svg, bins: &[&ConfidenceBin], strip: Frame, x: Scale) {
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
    let tallest = STRIP_HEIGHT - LINE_HEIGHT - 8.0;
    for bin in bins {
        let height = (bin.count as f64 / most * tallest).max(1.5);
        let (left, right) = (x.clamped(bin.low) + 1.0, x.clamped(bin.high) - 1.0);
        let top = strip.bottom - height;
        svg.rectangle("count-bar", (left, top), ((right - left).max(1.0), height));
        let count = bin.count.to_string();
        if text_width(&count) <= right - left + 2.0 {
            let middle = f64::midpoint(left, right);
            svg.text("tick", Anchor::Middle, (middle, top - 4.0), &count);
        }
    }
    svg.text("tick", Anchor::End, (strip.left - 6.0, strip.bottom - 4.0), "answers");
}
