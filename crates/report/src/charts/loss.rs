//! Training and validation loss over optimizer steps, with the step whose weights were kept.

use super::axes::{Axis, Frame, X_AXIS_HEIGHT, draw_x_axis, draw_y_axis};
use super::legend::{Entry, Key, draw_legend};
use super::scale::{Scale, domain_of_whole_steps, ticks};
use super::svg::{Anchor, ChartName, Point, Shape, Svg};
use super::text_width;
use crate::data::{LossPoint, TrainingFacts};

/// More points than this and neighbours are averaged: the eye cannot tell, and the page stays small.
const MOST_POINTS: usize = 240;

/// Draws the curves at that width in SVG units; `None` where no loss was recorded.
pub(crate) fn loss_chart(training: &TrainingFacts, width: f64, name: &ChartName) -> Option<String> {
    let train = thinned(&training.train_loss);
    let validation = thinned(&training.validation_loss);
    let (x_domain, y_domain) = domains(&train, &validation)?;
    let mut svg = Svg::new(width);
    let top = draw_legend(&mut svg, width, &legend(&train, &validation)) + 14.0;
    let y_ticks = ticks(y_domain, 5, false);
    let widest = y_ticks.iter().map(|tick| text_width(&tick.label));
    let frame = Frame {
        left: widest.fold(0.0, f64::max) + 28.0,
        top,
        right: width - 18.0,
        bottom: top + (width * 0.4).clamp(170.0, 240.0),
    };
    let x = Scale::new(x_domain, (frame.left, frame.right));
    let y = Scale::new(y_domain, (frame.bottom, frame.top));
    let x_ticks = ticks(x_domain, (width / 90.0) as usize, true);
    draw_y_axis(&mut svg, frame, &Axis { title: "Loss (nats per token)", ticks: &y_ticks, scale: y });
    draw_x_axis(&mut svg, frame, &Axis { title: "Optimizer step", ticks: &x_ticks, scale: x });
    let places = |points: &[LossPoint]| -> Vec<Point> {
        points.iter().map(|p| (x.at(p.step as f64), y.at(p.loss))).collect()
    };
    svg.polyline("curve train", &places(&train));
    svg.polyline("curve validation", &places(&validation));
    for place in places(&validation) {
        svg.mark(Shape::Circle, "validation", place);
    }
    if let Some(best) = training.best_step {
        draw_kept_step(&mut svg, frame, x.clamped(best as f64), best);
    }
    Some(svg.finish(frame.bottom + X_AXIS_HEIGHT, name))
}

fn legend(train: &[LossPoint], validation: &[LossPoint]) -> Vec<Entry<'static>> {
    let train =
        (!train.is_empty()).then_some(Entry { key: Key::Line("curve train"), text: "Training answers" });
    let validation = (!validation.is_empty())
        .then_some(Entry { key: Key::Interval(Shape::Circle, "validation"), text: "Validation answers" });
    train.into_iter().chain(validation).collect()
}

fn draw_kept_step(svg: &mut Svg, frame: Frame, x: f64, step: u64) {
    let label = format!("kept: step {step}");
    svg.line("kept", (x, frame.top), (x, frame.bottom));
    let half = text_width(&label) / 2.0;
    let middle = x.max(frame.left + half).min(frame.right + 16.0 - half);
    svg.text("kept-label", Anchor::Middle, (middle, frame.top - 5.0), &label);
}

fn domains(train: &[LossPoint], validation: &[LossPoint]) -> Option<((f64, f64), (f64, f64))> {
    let points = || train.iter().chain(validation);
    let first_step = points().map(|point| point.step).min()? as f64;
    let last_step = points().map(|point| point.step).max()? as f64;
    let losses = || points().map(|point| point.loss);
    let lowest = losses().fold(f64::INFINITY, f64::min);
    let highest = losses().fold(f64::NEG_INFINITY, f64::max);
    let from_zero = if lowest >= 0.0 && lowest < highest / 2.0 { 0.0 } else { lowest };
    Some(((first_step, last_step), domain_of_whole_steps((from_zero, highest), 5)))
}

fn thinned(points: &[LossPoint]) -> Vec<LossPoint> {
    let finite: Vec<LossPoint> = points.iter().copied().filter(|p| p.loss.is_finite()).collect();
    let size = finite.len().div_ceil(MOST_POINTS).max(1);
    let average = |group: &[LossPoint]| LossPoint {
        step: group[group.len() / 2].step,
        loss: group.iter().map(|point| point.loss).sum::<f64>() / group.len() as f64,
    };
    finite.chunks(size).map(average).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_averaged_and_a_loss_that_is_not_finite_left_out() {
        let point = |step| LossPoint { step, loss: if step == 7 { f64::NAN } else { 2.0 } };
        let points: Vec<LossPoint> = (0..1000).map(point).collect();
        let thin = thinned(&points);
        assert!(thin.len() <= MOST_POINTS && thin.len() > MOST_POINTS / 2);
        assert!(thin.iter().all(|point| point.loss == 2.0));
    }

    #[test]
    fn nothing_is_drawn_where_no_loss_is_finite() {
        let point = LossPoint { step: 1, loss: f64::INFINITY };
        assert_eq!(domains(&thinned(&[point]), &[]), None);
    }
}
