//! Writes SVG elements. The only place of the charts that writes markup, so the only one that escapes.

/// A place in SVG units, x to the right and y down.
pub(super) type Point = (f64, f64);

/// What a screen reader says instead of the drawing.
#[derive(Debug, Clone)]
pub(crate) struct ChartName {
    /// Unique in the page; made of letters, digits and hyphens.
    pub(crate) id: String,
    /// One line.
    pub(crate) title: String,
    /// The chart's content in sentences.
    pub(crate) description: String,
}

/// Where a text's point lies in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The mark of one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
    Triangle,
    Bar,
}

/// A drawing under construction.
pub(super) struct Svg {
    width: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64) -> Self {
        Self { width, body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.body.push_str(&format!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    pub(super) fn rectangle(&mut self, class: &str, corner: Point, size: Point) {
        self.shaded_rectangle(class, corner, size, 1.0);
    }

    /// A rectangle whose fill is `shade` opaque, 0 to 1.
    pub(super) fn shaded_rectangle(&mut self, class: &str, corner: Point, size: Point, shade: f64) {
        let ((x, y), (width, height)) = (corner, size);
        self.body.push_str(&format!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill-opacity="{shade:.2}"/>"#
        ));
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[Point]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.body.push_str(&format!(r#"<polyline class="{class}" points="{points}"/>"#));
    }

    pub(super) fn mark(&mut self, shape: Shape, class: &str, centre: Point) {
        let (x, y) = centre;
        match shape {
            Shape::Circle => self
                .body
                .push_str(&format!(r#"<circle class="mark {class}" cx="{x:.1}" cy="{y:.1}" r="4.5"/>"#)),
            Shape::Square => self.polygon(class, centre, &[(-4., -4.), (4., -4.), (4., 4.), (-4., 4.)]),
            Shape::Triangle => self.polygon(class, centre, &[(0., -5.), (5., 4.), (-5., 4.)]),
            Shape::Bar => self.polygon(class, centre, &[(-1.5, -5.5), (1.5, -5.5), (1.5, 5.5), (-1.5, 5.5)]),
            Shape::Diamond => self.polygon(class, centre, &[(0., -5.5), (5.5, 0.), (0., 5.5), (-5.5, 0.)]),
        }
    }

    fn polygon(&mut self, class: &str, centre: Point, corners: &[Point]) {
        let points: Vec<String> =
            corners.iter().map(|(x, y)| format!("{:.1},{:.1}", centre.0 + x, centre.1 + y)).collect();
        let points = points.join(" ");
        self.body.push_str(&format!(r#"<polygon class="mark {class}" points="{points}"/>"#));
    }

    pub(super) fn text(&mut self, class: &str, anchor: Anchor, at: Point, text: &str) {
        let (x, y) = at;
        self.text_element(class, anchor, &format!(r#"x="{x:.1}" y="{y:.1}""#), text);
    }

    /// A text that reads upwards and has its anchor on its point.
    pub(super) fn upward_text(&mut self, class: &str, anchor: Anchor, at: Point, text: &str) {
        let (x, y) = at;
        let place = format!(r#"transform="translate({x:.1} {y:.1}) rotate(-90)""#);
        self.text_element(class, anchor, &place, text);
    }

    fn text_element(&mut self, class: &str, anchor: Anchor, place: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.body.push_str(&format!(r#"<text class="{class}" text-anchor="{anchor}" {place}>{text}</text>"#));
    }

    /// The whole element, cut at `height`.
    pub(super) fn finish(self, height: f64, name: &ChartName) -> String {
        let Self { width, body } = self;
        let id = escaped(&name.id);
        let (title, description) = (escaped(&name.title), escaped(&name.description));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 {width:.0} {height:.0}" style="max-width:{width:.0}px" aria-labelledby="{id}-title {id}-description"><title id="{id}-title">{title}</title><desc id="{id}-description">{description}</desc>{body}</svg>"#
        )
    }
}

/// For text and for quoted attributes. XML has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_element_or_attribute() {
        let hostile = "</text><script>\"'&\u{0}";
        assert_eq!(escaped(hostile), "&lt;/text&gt;&lt;script&gt;&quot;&#39;&amp; ");
    }
}
