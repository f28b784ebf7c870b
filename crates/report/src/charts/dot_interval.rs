//! Exact agreement as a dot with its 95 % interval, row by row: trained model, base model, second
//! human marker.

use gradus_grading::metrics::Estimate;

use super::axes::{Axis, Frame, X_AXIS_HEIGHT, draw_x_axis, percent_ticks};
use super::legend::{Entry, draw_legend};
use super::scale::Scale;
use super::svg::{Anchor, ChartName, Svg};
use super::{BASE, HUMAN, LINE_HEIGHT, Series, TRAINED, text_width};

/// One row of the chart.
#[derive(Debug, Clone)]
pub(crate) struct IntervalRow {
    /// What the row is about ("Question 2a").
    pub(crate) label: String,
    /// A smaller line below it ("12 answers").
    pub(crate) note: String,
    /// The trained model's share.
    pub(crate) trained: Estimate,
    /// The base model's share.
    pub(crate) base: Estimate,
    /// A second human marker's share, where there is one.
    pub(crate) human: Option<Estimate>,
}

const SERIES_HEIGHT: f64 = 14.0;
const ROW_PADDING: f64 = 7.0;

/// Draws the rows at that width in SVG units.
pub(crate) fn dot_interval_chart(rows: &[IntervalRow], width: f64, name: &ChartName) -> String {
    let has_human = rows.iter().any(|row| row.human.is_some());
    let row_height = if has_human { 3.0 } else { 2.0 } * SERIES_HEIGHT + 2.0 * ROW_PADDING;
    let mut svg = Svg::new(width);
    let mut entries: Vec<Entry<'_>> = vec![TRAINED.into(), BASE.into()];
    entries.extend(has_human.then(|| HUMAN.into()));
    let top = draw_legend(&mut svg, width, &entries) + 4.0;
    let frame = Frame {
        left: label_width(rows, width),
        top,
        right: width - 16.0,
        bottom: top + row_height * rows.len() as f64,
    };
    let scale = Scale::new((0.0, 1.0), (frame.left + 8.0, frame.right));
    let axis = Axis { title: "Same mark as the teacher (% of answers)", ticks: &percent_ticks(), scale };
    draw_x_axis(&mut svg, frame, &axis);
    for (index, row) in rows.iter().enumerate() {
        let row_top = top + index as f64 * row_height;
        draw_row(&mut svg, row, (frame, scale), (row_top, row_height));
    }
    svg.finish(frame.bottom + X_AXIS_HEIGHT, name)
}

fn label_width(rows: &[IntervalRow], width: f64) -> f64 {
    let texts = rows.iter().flat_map(|row| [&row.label, &row.note]);
    let widest = texts.map(|text| text_width(text)).fold(40.0, f64::max);
    (widest + 10.0).min(width * 0.4)
}

fn draw_row(svg: &mut Svg, row: &IntervalRow, plot: (Frame, Scale), place: (f64, f64)) {
    let ((frame, scale), (top, height)) = (plot, place);
    svg.line("row-rule", (0.0, top), (frame.right, top));
    let middle = top + height / 2.0;
    let label = shortened_to(&row.label, frame.left - 8.0);
    svg.text("row-label", Anchor::Start, (0.0, middle - 2.0), &label);
    svg.text("row-note", Anchor::Start, (0.0, middle + LINE_HEIGHT - 3.0), &row.note);
    let values = [(TRAINED, Some(row.trained)), (BASE, Some(row.base)), (HUMAN, row.human)];
    for (place, (series, value)) in values.into_iter().enumerate() {
        if let Some(value) = value {
            let y = top + ROW_PADDING + (place as f64 + 0.5) * SERIES_HEIGHT;
            draw_estimate(svg, series, value, (scale, y));
        }
    }
}

fn draw_estimate(svg: &mut Svg, series: Series, estimate: Estimate, (scale, y): (Scale, f64)) {
    if !estimate.value.is_finite() {
        return;
    }
    let (low, high) = (scale.clamped(estimate.low), scale.clamped(estimate.high));
    let class = format!("interval {}", series.class);
    svg.line(&class, (low, y), (high, y));
    for end in [low, high] {
        svg.line(&class, (end, y - 3.5), (end, y + 3.5));
    }
    svg.mark(series.shape, series.class, (scale.clamped(estimate.value), y));
}

fn shortened_to(label: &str, width: f64) -> String {
    if text_width(label) <= width {
        return label.to_owned();
    }
    let mut short = String::new();
    for character in label.chars() {
        if text_width(&short) + 2.0 * text_width("…") > width {
            break;
        }
        short.push(character);
    }
    short + "…"
}
