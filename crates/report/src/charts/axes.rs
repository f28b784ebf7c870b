//! Axes with grid lines, tick labels and titles.

use super::LINE_HEIGHT;
use super::scale::{Scale, Tick};
use super::svg::{Anchor, Svg};

/// The plotting area, in SVG units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// One axis: what it measures, in which unit, and where its ticks are.
pub(super) struct Axis<'a> {
    pub(super) title: &'a str,
    pub(super) ticks: &'a [Tick],
    pub(super) scale: Scale,
}

/// Space below a frame that a horizontal axis needs.
pub(super) const X_AXIS_HEIGHT: f64 = 2.0 * LINE_HEIGHT + 12.0;

/// A horizontal axis below the frame, with grid lines through it.
pub(super) fn draw_x_axis(svg: &mut Svg, frame: Frame, axis: &Axis<'_>) {
    for tick in axis.ticks {
        let x = axis.scale.at(tick.value);
        svg.line("grid", (x, frame.top), (x, frame.bottom));
        svg.text("tick", Anchor::Middle, (x, frame.bottom + LINE_HEIGHT), &tick.label);
    }
    svg.line("axis", (frame.left, frame.bottom), (frame.right, frame.bottom));
    let middle = f64::midpoint(frame.left, frame.right);
    let title_at = (middle, frame.bottom + 2.0 * LINE_HEIGHT + 6.0);
    svg.text("axis-title", Anchor::Middle, title_at, axis.title);
}

/// A vertical axis left of the frame, with grid lines through it; its title reads upwards.
pub(super) fn draw_y_axis(svg: &mut Svg, frame: Frame, axis: &Axis<'_>) {
    for tick in axis.ticks {
        let y = axis.scale.at(tick.value);
        svg.line("grid", (frame.left, y), (frame.right, y));
        svg.text("tick", Anchor::End, (frame.left - 6.0, y + 4.0), &tick.label);
    }
    svg.line("axis", (frame.left, frame.top), (frame.left, frame.bottom));
    let middle = f64::midpoint(frame.top, frame.bottom);
    svg.upward_text("axis-title", Anchor::Middle, (12.0, middle), axis.title);
}

/// Ticks of a share axis, 0 to 1, labelled in per cent.
pub(super) fn percent_ticks() -> Vec<Tick> {
    let quarter = |quarters: u8| Tick {
        value: f64::from(quarters) / 4.0,
        label: format!("{}", u32::from(quarters) * 25),
    };
    (0..=4).map(quarter).collect()
}
