//! Words to lines of text, each in segments that wide gaps separate.

use super::Word;
use crate::markers::split_marker;
use crate::symbols::superscript_run;

/// Words whose baselines differ by less than this share of the font size are on one line.
const SAME_LINE: f64 = 0.4;
/// A gap wider than this share of the font size is a space.
const SPACE: f64 = 0.12;
/// A gap wider than this share of the font size separates columns.
const COLUMN_GAP: f64 = 1.8;

/// A line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) baseline: f64,
    /// Font size of most of it.
    pub(super) size: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) segments: Vec<Segment>,
    /// Width of its first word: what the line above would have needed room for.
    pub(super) first_word_width: f64,
}

/// A piece of a line without wide gaps.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) text: String,
}

impl Line {
    /// Its text, segments separated by a space.
    pub(super) fn text(&self) -> String {
        let texts: Vec<&str> = self.segments.iter().map(|segment| segment.text.as_str()).collect();
        texts.join(" ")
    }
}

/// Whether `line` continues the text of the line above, whose text ends at `right`: its first word had
/// no room before `margin`.
pub(super) fn had_no_room(right: f64, margin: f64, line: &Line) -> bool {
    right + 0.25 * line.size + line.first_word_width > margin - 0.2 * line.size
}

/// Lines from top to bottom.
pub(super) fn build(mut words: Vec<Word>) -> Vec<Line> {
    words.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let mut groups: Vec<Group> = Vec::new();
    for word in words {
        match groups.last_mut().filter(|group| group.takes(&word)) {
            Some(group) => group.add(word),
            None => groups.push(Group::new(word)),
        }
    }
    groups.into_iter().filter_map(Group::line).collect()
}

/// The words of a line; its baseline is that of its largest word, for raised words stand higher.
struct Group {
    baseline: f64,
    size: f64,
    words: Vec<Word>,
}

impl Group {
    fn new(word: Word) -> Self {
        Self { baseline: word.baseline, size: word.size, words: vec![word] }
    }

    fn takes(&self, word: &Word) -> bool {
        (word.baseline - self.baseline).abs() <= SAME_LINE * self.size.max(word.size)
    }

    fn add(&mut self, word: Word) {
        if word.size > self.size {
            self.size = word.size;
            self.baseline = word.baseline;
        }
        self.words.push(word);
    }

    fn line(mut self) -> Option<Line> {
        self.words.sort_by(|a, b| a.left.total_cmp(&b.left));
        let size = self.main_size();
        let mut segments: Vec<Segment> = Vec::new();
        for word in &self.words {
            let text = self.spelled(word, size);
            match segments.last_mut() {
                Some(last) if word.left - last.right <= gap_limit(last, size) => {
                    if word.left - last.right > SPACE * size {
                        last.text.push(' ');
                    }
                    last.text.push_str(&text);
                    last.right = last.right.max(word.right);
                }
                _ => segments.push(Segment { left: word.left, right: word.right, text }),
            }
        }
        let first = self.words.first()?;
        Some(Line {
            baseline: self.baseline,
            size,
            left: first.left,
            right: self.words.iter().map(|word| word.right).fold(first.right, f64::max),
            first_word_width: first.right - first.left,
            segments,
        })
    }

    /// The size that most letters have.
    fn main_size(&self) -> f64 {
        let letters = |size: f64| -> usize {
            let alike = self.words.iter().filter(|word| (word.size - size).abs() < 0.1);
            alike.map(|word| word.text.chars().count()).sum()
        };
        let sizes = self.words.iter().map(|word| word.size);
        sizes.max_by_key(|&size| letters(size)).unwrap_or(self.size)
    }

    fn spelled(&self, word: &Word, size: f64) -> String {
        let text = without_ligatures(&word.text);
        let raised = word.size < 0.85 * size && word.baseline < self.baseline - 0.15 * size;
        if raised { superscript_run(&text) } else { text }
    }
}

/// A list marker belongs to its text however far it stands from it.
fn gap_limit(segment: &Segment, size: f64) -> f64 {
    let is_marker = split_marker(&format!("{} x", segment.text)).is_some();
    if is_marker { 5.0 * size } else { COLUMN_GAP * size }
}

fn without_ligatures(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut spelled, character| {
        match character {
            'ﬀ' => spelled.push_str("ff"),
            'ﬁ' => spelled.push_str("fi"),
            'ﬂ' => spelled.push_str("fl"),
            'ﬃ' => spelled.push_str("ffi"),
            'ﬄ' => spelled.push_str("ffl"),
            'ﬅ' | 'ﬆ' => spelled.push_str("st"),
            other => spelled.push(other),
        }
        spelled
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn word(left: f64, baseline: f64, size: f64, text: &str) -> Word {
        Word {
            left,
            right: left + text.chars().count() as f64 * size * 0.5,
            baseline,
            size,
            turn: 0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn raised_digits_join_their_line_and_wide_gaps_part_it() {
        let lines = build(vec![
            word(10.0, 100.0, 10.0, "Ca"),
            word(20.0, 96.5, 6.0, "2+"),
            word(30.0, 100.0, 10.0, "ﬂows"),
            word(120.0, 100.2, 10.0, "2"),
            word(10.0, 112.0, 10.0, "1."),
            word(45.0, 112.0, 10.0, "Next"),
        ]);
        let texts: Vec<Vec<&str>> = lines
            .iter()
            .map(|line| line.segments.iter().map(|segment| segment.text.as_str()).collect())
            .collect();
        assert_eq!(texts, [vec!["Ca²⁺ flows", "2"], vec!["1. Next"]]);
        assert_eq!(lines[0].size, 10.0);
    }
}
