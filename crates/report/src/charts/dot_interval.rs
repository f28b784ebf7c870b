//! Shares as dots with their 95 % intervals, row by row, one line a marker.

use gradus_grading::metrics::Estimate;

use super::axes::{Axis, Frame, X_AXIS_HEIGHT, draw_x_axis, percent_ticks};
use super::estimate::{Along, draw_estimate};
use super::legend::draw_legend;
use super::scale::Scale;
use super::svg::{Anchor, ChartName, Svg};
use super::{LINE_HEIGHT, Series, fitted, text_width};

/// Markers' shares, group by group.
pub(crate) struct IntervalChart<'a> {
    /// What the shares are of.
    pub(crate) axis_title: &'a str,
    /// The markers; one without a value in any row is left out.
    pub(crate) series: Vec<Series<'a>>,
    /// What the markers are compared on.
    pub(crate) rows: &'a [IntervalRow],
}

/// One row of the chart.
#[derive(Debug, Clone)]
pub(crate) struct IntervalRow {
    /// What the row is about ("Question 2a").
    pub(crate) label: String,
    /// A smaller line below it ("12 answers").
    pub(crate) note: String,
    /// The markers' shares, in the order of the chart's series.
    pub(crate) values: Vec<Option<Estimate>>,
}

const SERIES_HEIGHT: f64 = 14.0;
const ROW_PADDING: f64 = 7.0;

impl IntervalChart<'_> {
    /// Draws the rows at that width in SVG units.
    pub(crate) fn draw(&self, width: f64, name: &ChartName) -> String {
        let shown = self.shown();
        let row_height = shown.len() as f64 * SERIES_HEIGHT + 2.0 * ROW_PADDING;
        let mut svg = Svg::new(width);
        let entries: Vec<_> = shown.iter().map(|(_, series)| (*series).into()).collect();
        let top = draw_legend(&mut svg, width, &entries) + 4.0;
        let frame = Frame {
            left: self.label_width(width),
            top,
            right: width - 16.0,
            bottom: top + row_height * self.rows.len() as f64,
        };
        let scale = Scale::new((0.0, 1.0), (frame.left + 8.0, frame.right));
        let axis = Axis { title: self.axis_title, ticks: &percent_ticks(), scale };
        draw_x_axis(&mut svg, frame, &axis);
        for (index, row) in self.rows.iter().enumerate() {
            let row_top = top + index as f64 * row_height;
            draw_label(&mut svg, row, frame, (row_top, row_height));
            for (place, (number, series)) in shown.iter().enumerate() {
                let y = row_top + ROW_PADDING + (place as f64 + 0.5) * SERIES_HEIGHT;
                let value = row.values.get(*number).copied().flatten();
                value.inspect(|value| draw_estimate(&mut svg, *series, *value, (scale, Along::X(y))));
            }
        }
        svg.finish(frame.bottom + X_AXIS_HEIGHT, name)
    }

    /// The markers with a value somewhere, each with its number.
    fn shown(&self) -> Vec<(usize, Series<'_>)> {
        let has_value =
            |number: usize| self.rows.iter().any(|row| matches!(row.values.get(number), Some(Some(_))));
        self.series.iter().copied().enumerate().filter(|(number, _)| has_value(*number)).collect()
    }

    fn label_width(&self, width: f64) -> f64 {
        let texts = self.rows.iter().flat_map(|row| [&row.label, &row.note]);
        let widest = texts.map(|text| text_width(text)).fold(40.0, f64::max);
        (widest + 10.0).min(width * 0.4)
    }
}

fn draw_label(svg: &mut Svg, row: &IntervalRow, frame: Frame, (top, height): (f64, f64)) {
    svg.line("row-rule", (0.0, top), (frame.right, top));
    let middle = top + height / 2.0;
    let label = fitted(&row.label, frame.left - 8.0);
    svg.text("row-label", Anchor::Start, (0.0, middle - 2.0), &label);
    svg.text("row-note", Anchor::Start, (0.0, middle + LINE_HEIGHT - 3.0), &row.note);
}
