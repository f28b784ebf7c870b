//! Charts as inline SVG. Colours, strokes and dark mode come from the page's style sheet by class;
//! series differ in shape and dash too, so that every chart reads in greyscale.

mod axes;
mod confidence;
mod confusion;
mod coverage;
mod dot_interval;
mod estimate;
mod legend;
mod loss;
mod scale;
mod svg;

pub(crate) use confidence::confidence_chart;
pub(crate) use confusion::{ConfusionTable, confusion_chart};
pub(crate) use coverage::CoverageChart;
pub(crate) use dot_interval::{IntervalChart, IntervalRow};
pub(crate) use loss::loss_chart;
pub(crate) use svg::ChartName;

use svg::Shape;

/// How one marker's values are drawn in every chart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series<'a> {
    name: &'a str,
    class: &'static str,
    shape: Shape,
}

const TRAINED: Series<'_> = Series { name: "Trained model", class: "trained", shape: Shape::Circle };
const BASE: Series<'_> = Series { name: "Before training", class: "base", shape: Shape::Square };
const HUMAN: Series<'_> = Series { name: "Second human marker", class: "human", shape: Shape::Diamond };

/// The markers of a model test.
pub(crate) const TESTED: [Series<'_>; 3] = [TRAINED, BASE, HUMAN];

impl<'a> Series<'a> {
    /// One series for each name. After the fifth, they look like the first again.
    pub(crate) fn of_names(names: &[&'a str]) -> Vec<Self> {
        let looks = [
            (TRAINED.class, TRAINED.shape),
            (BASE.class, BASE.shape),
            (HUMAN.class, HUMAN.shape),
            ("fourth", Shape::Triangle),
            ("fifth", Shape::Bar),
        ];
        let series = |(name, (class, shape)): (&&'a str, (&'static str, Shape))| Self { name, class, shape };
        names.iter().zip(looks.into_iter().cycle()).map(series).collect()
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }
}

/// Height of one line of chart text, in SVG units (1 unit is 1 CSS pixel at full size).
const LINE_HEIGHT: f64 = 16.0;

/// About how wide a text is at the charts' font size. Digits and Latin letters of common sans-serif
/// fonts lie below this, so labels that fit by this measure do not overlap.
fn text_width(text: &str) -> f64 {
    const WIDEST_USUAL_GLYPH: f64 = 7.4;
    text.chars().count() as f64 * WIDEST_USUAL_GLYPH
}

/// The label, or as much of it as that width holds.
fn fitted(label: &str, width: f64) -> String {
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
