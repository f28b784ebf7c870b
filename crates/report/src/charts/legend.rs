//! The key of a chart: each series' line or mark with its name, in as many lines as the width needs.

use super::svg::{Anchor, Shape, Svg};
use super::{LINE_HEIGHT, Series, text_width};

/// How a series is drawn.
pub(super) enum Key {
    /// A line of that class.
    Line(&'static str),
    /// A mark with its interval.
    Interval(Shape, &'static str),
}

/// One entry of a legend.
pub(super) struct Entry<'a> {
    pub(super) key: Key,
    pub(super) text: &'a str,
}

impl<'a> From<Series<'a>> for Entry<'a> {
    fn from(series: Series<'a>) -> Self {
        Entry { key: Key::Interval(series.shape, series.class), text: series.name }
    }
}

const KEY_WIDTH: f64 = 26.0;
const GAP: f64 = 14.0;

/// Draws the entries from the top of the drawing and returns the height they take.
pub(super) fn draw_legend(svg: &mut Svg, width: f64, entries: &[Entry<'_>]) -> f64 {
    let (mut x, mut line) = (2.0, 0.0);
    for entry in entries {
        let needed = KEY_WIDTH + 4.0 + text_width(entry.text);
        if x > 2.0 && x + needed > width {
            x = 2.0;
            line += 1.0;
        }
        let y = line * (LINE_HEIGHT + 3.0) + 9.0;
        draw_key(svg, &entry.key, (x, y));
        svg.text("legend", Anchor::Start, (x + KEY_WIDTH + 4.0, y + 4.0), entry.text);
        x += needed + GAP;
    }
    (line + 1.0) * (LINE_HEIGHT + 3.0) + 6.0
}

fn draw_key(svg: &mut Svg, key: &Key, (x, y): (f64, f64)) {
    match key {
        Key::Line(class) => svg.line(class, (x, y), (x + KEY_WIDTH, y)),
        Key::Interval(shape, class) => {
            svg.line(&format!("interval {class}"), (x, y), (x + KEY_WIDTH, y));
            svg.mark(*shape, class, (x + KEY_WIDTH / 2.0, y));
        }
    }
}
