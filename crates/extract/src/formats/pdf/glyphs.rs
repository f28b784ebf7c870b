//! Glyphs and ruled lines of each page, with their places. A page that cannot be read becomes a warning.

use pdf_extract::{ColorSpace, MediaBox, OutputDev, OutputError, Path, PathOp, Transform, output_doc_page};

use super::document::Loaded;
use super::flatten::flatten;
use super::layout::{Page, Rule, Word};
use crate::error::Failure;
use crate::extraction::Warning;
use crate::guard;

/// A gap wider than this share of the font size separates words.
const WORD_GAP: f64 = 0.15;

/// Reads every page.
pub(super) fn read(loaded: &mut Loaded) -> (Vec<Page>, Vec<Warning>) {
    let mut pages = Vec::new();
    let mut warnings = Vec::new();
    for (number, id) in loaded.pages.clone() {
        let read = guard::catch(|| {
            let content = flatten(&mut loaded.document, id).map_err(Failure::damaged)?;
            let mut collector = Collector::new(number);
            output_doc_page(&loaded.document, &mut collector, number)
                .map_err(|error| Failure::damaged(error.to_string()))?;
            Ok((collector.finish(), content))
        });
        match read {
            Ok((page, content)) => {
                if page.words.is_empty() {
                    warnings.push(if content.has_image {
                        Warning::ImagePage { page: number }
                    } else {
                        Warning::BlankPage { page: number }
                    });
                }
                pages.push(page);
            }
            Err(failure) => {
                let reason = match failure {
                    Failure::Damaged { detail } | Failure::Crashed { detail } => detail,
                    other => other.to_string(),
                };
                warnings.push(Warning::UnreadPage { page: number, reason });
            }
        }
    }
    (pages, warnings)
}

struct Collector {
    page: Page,
    height: f64,
    left: f64,
    bottom: f64,
    word: Option<Word>,
}

impl Collector {
    fn new(number: u32) -> Self {
        Self { page: Page::new(number), height: 0.0, left: 0.0, bottom: 0.0, word: None }
    }

    fn finish(mut self) -> Page {
        self.end_word_here();
        self.page
    }

    fn end_word_here(&mut self) {
        if let Some(word) = self.word.take().filter(|word| !word.text.trim().is_empty()) {
            self.page.words.push(word);
        }
    }

    fn place(&mut self, glyph: Word) {
        if glyph.text.chars().all(|c| c.is_whitespace() || c == '\0') {
            return self.end_word_here();
        }
        if let Some(word) = self.word.as_mut().filter(|word| continues(word, &glyph)) {
            word.text.push_str(&glyph.text);
            word.right = word.right.max(glyph.right);
        } else {
            self.end_word_here();
            self.word = Some(glyph);
        }
    }

    fn rule(&mut self, transform: &Transform, path: &Path, filled: bool) {
        let point = |x: f64, y: f64| {
            let x_out = x * transform.m11 + y * transform.m21 + transform.m31;
            let y_out = x * transform.m12 + y * transform.m22 + transform.m32;
            (x_out - self.left, self.height - (y_out - self.bottom))
        };
        let mut at = (0.0, 0.0);
        let mut lines = Vec::new();
        let mut corners = Vec::new();
        for operation in &path.ops {
            match *operation {
                PathOp::MoveTo(x, y) => {
                    at = point(x, y);
                    corners.push(at);
                }
                PathOp::LineTo(x, y) => {
                    let to = point(x, y);
                    lines.push((at, to));
                    corners.push(to);
                    at = to;
                }
                PathOp::Rect(x, y, width, height) => {
                    let (first, opposite) = (point(x, y), point(x + width, y + height));
                    if filled {
                        lines.push((first, opposite));
                    } else {
                        let (second, fourth) = (point(x + width, y), point(x, y + height));
                        lines.extend([
                            (first, second),
                            (second, opposite),
                            (opposite, fourth),
                            (fourth, first),
                        ]);
                    }
                }
                PathOp::CurveTo(.., x, y) => at = point(x, y),
                PathOp::Close => {}
            }
        }
        if filled && !corners.is_empty() {
            // A thin filled polygon is how some programs draw lines.
            lines.push(bounds(&corners));
        }
        self.page.rules.extend(lines.into_iter().filter_map(|(from, to)| Rule::new(from, to)));
    }
}

/// Whether a glyph stands right behind a word, on its line and in its size.
fn continues(word: &Word, glyph: &Word) -> bool {
    let size = word.size.max(glyph.size);
    let gap = glyph.left - word.right;
    word.turn == glyph.turn
        && (glyph.baseline - word.baseline).abs() < 0.1 * size
        && (glyph.size - word.size).abs() < 0.1 * size
        && (-0.5 * size..WORD_GAP * size).contains(&gap)
}

fn bounds(points: &[(f64, f64)]) -> ((f64, f64), (f64, f64)) {
    let fold = |pick: fn(f64, f64) -> f64, start: f64| {
        points.iter().fold((start, start), |far, point| (pick(far.0, point.0), pick(far.1, point.1)))
    };
    (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY))
}

impl OutputDev for Collector {
    fn begin_page(
        &mut self,
        _number: u32,
        media_box: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.left = media_box.llx;
        self.bottom = media_box.lly;
        self.height = media_box.ury - media_box.lly;
        self.page.width = media_box.urx - media_box.llx;
        self.page.height = self.height;
        Ok(())
    }

    fn output_character(
        &mut self,
        at: &Transform,
        width: f64,
        spacing: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        let size = at.m21.hypot(at.m22) * font_size.abs();
        let advance = at.m11.hypot(at.m12) * (width * font_size).abs();
        if !(size.is_finite() && advance.is_finite() && at.m31.is_finite() && at.m32.is_finite())
            || size < 0.5
        {
            return Ok(());
        }
        let turn = quarter_turns(at.m11, at.m12);
        let (x, y) = (at.m31 - self.left, self.height - (at.m32 - self.bottom));
        // Turned text is put upright, so that every later step sees lines from left to right.
        let (left, baseline) = match turn {
            0 => (x, y),
            1 => (-y, x),
            2 => (-x, -y),
            _ => (y, -x),
        };
        // Wide character spacing is part of the glyph, not a gap between words.
        let spacing =
            if spacing > 0.0 && spacing < 0.5 * font_size { spacing * at.m11.hypot(at.m12) } else { 0.0 };
        let is_space = text.chars().all(char::is_whitespace);
        self.place(Word {
            left,
            right: left + advance + if is_space { 0.0 } else { spacing },
            baseline,
            size,
            turn,
            text: text.to_owned(),
        });
        Ok(())
    }

    fn stroke(
        &mut self,
        transform: &Transform,
        _: &ColorSpace,
        _: &[f64],
        path: &Path,
    ) -> Result<(), OutputError> {
        self.rule(transform, path, false);
        Ok(())
    }

    fn fill(
        &mut self,
        transform: &Transform,
        _: &ColorSpace,
        _: &[f64],
        path: &Path,
    ) -> Result<(), OutputError> {
        self.rule(transform, path, true);
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Direction of writing in quarter turns counter-clockwise, from 0 to 3.
fn quarter_turns(x: f64, y: f64) -> u8 {
    match (x.abs() >= y.abs(), x >= 0.0, y >= 0.0) {
        (true, true, _) => 0,
        (false, _, true) => 1,
        (true, false, _) => 2,
        (false, _, false) => 3,
    }
}
