//! Charts as inline SVG. Colours, strokes and dark mode come from the page's style sheet by class;
//! series differ in shape and dash too, so that every chart reads in greyscale.

mod axes;
mod confidence;
mod confusion;
mod dot_interval;
mod legend;
mod loss;
mod scale;
mod svg;

pub(crate) use confidence::confidence_chart;
pub(crate) use confusion::confusion_chart;
pub(crate) use dot_interval::{IntervalRow, dot_interval_chart};
pub(crate) use loss::loss_chart;
pub(crate) use svg::ChartName;

use svg::Shape;

/// How one marker's values are drawn in every chart.
#[derive(Debug, Clone, Copy)]
struct Series {
    name: &'static str,
    class: &'static str,
    shape: Shape,
}

const TRAINED: Series = Series { name: "Trained model", class: "trained", shape: Shape::Circle };
const BASE: Series = Series { name: "Before training", class: "base", shape: Shape::Square };
const HUMAN: Series = Series { name: "Second human marker", class: "human", shape: Shape::Diamond };

/// Height of one line of chart text, in SVG units (1 unit is 1 CSS pixel at full size).
const LINE_HEIGHT: f64 = 16.0;

/// About how wide a text is at the charts' font size. Digits and Latin letters of common sans-serif
/// fonts lie below this, so labels that fit by this measure do not overlap.
fn text_width(text: &str) -> f64 {
    const WIDEST_USUAL_GLYPH: f64 = 7.4;
    text.chars().count() as f64 * WIDEST_USUAL_GLYPH
}
