//! Which lines of a paper begin an answer. Heads with the word "Question" always do; bare numbers do where
//! they rise in the guide's order, are written alike and look unlike a list inside an answer.

use super::index::{GuideIndex, Meaning};
use super::lines::PaperLine;
use super::question_text::{is_question, repeated_length};
use crate::guide::chain::{Candidate, best_chain, discount_inner_lists};
use crate::guide::heads::{Head, Keyword, Style, number_value, parse_head};
use crate::guide::lines::Passage;

/// A line that begins an answer, or names the stem above several.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) line: usize,
    /// The question, or the first one under the stem.
    pub(super) leaf: usize,
    pub(super) is_leaf: bool,
    /// The text after the head on its line.
    pub(super) rest: Passage<'a>,
    path: Vec<String>,
    /// How much of the path is known from the heads before: 1 for `(b)` under question 2, 0 for `2b`.
    understood: usize,
    score: f64,
}

impl<'a> Place<'a> {
    fn new(line: usize, meaning: &Meaning, rest: Passage<'a>, score: f64) -> Self {
        Self {
            line,
            leaf: meaning.leaf,
            is_leaf: meaning.is_leaf,
            rest,
            path: meaning.path.clone(),
            understood: 0,
            score,
        }
    }

    /// A paper without heads, where the guide has one question only.
    pub(super) fn whole_paper(lines: &[PaperLine<'a>], student_lines: &[usize]) -> Self {
        let line = (0..lines.len()).find(|at| !student_lines.contains(at)).unwrap_or(0);
        let meaning = Meaning { leaf: 0, is_leaf: true, path: Vec::new() };
        Self::new(line, &meaning, lines[line].passage, 0.0)
    }
}

/// The lines that begin answers, in the order of the lines.
pub(super) fn chosen_heads<'a>(lines: &[PaperLine<'a>], index: &GuideIndex) -> Vec<Place<'a>> {
    let finder = HeadFinder { lines, index };
    let named = finder.named();
    let numbered = finder.numbered();
    let chosen = if !named.is_empty() && 2 * distinct(&named) >= distinct(&numbered) {
        finder.with_parts(named)
    } else {
        numbered
    };
    finder.with_parts_on_one_line(chosen)
}

fn distinct(places: &[Place<'_>]) -> usize {
    let mut leaves: Vec<usize> = places.iter().map(|place| place.leaf).collect();
    leaves.sort_unstable();
    leaves.dedup();
    leaves.len()
}

struct HeadFinder<'l, 'a> {
    lines: &'l [PaperLine<'a>],
    index: &'l GuideIndex,
}

impl<'a> HeadFinder<'_, 'a> {
    /// Heads with the word "Question" or "Answer", or in a table's column of numbers: in any order.
    fn named(&self) -> Vec<Place<'a>> {
        let mut places: Vec<Place<'a>> = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let Some((head, rest)) = &line.head else { continue };
            let by_word = matches!(head.keyword, Some(Keyword::Question | Keyword::Answer));
            if !(by_word || line.in_table) || !head.is_absolute() {
                continue;
            }
            // Where sections number their questions anew, the next one with that number is meant.
            let meanings = self.index.absolute(&head.path);
            let last = places.last().map(|place| place.leaf);
            let next = meanings.iter().find(|meaning| last.is_none_or(|last| meaning.leaf >= last));
            let Some(meaning) = next.or(meanings.first()) else { continue };
            let known = places.iter().any(|place| place.path == meaning.path);
            if !(known && is_mention(line.passage, *rest)) {
                places.push(Place::new(at, meaning, *rest, 2.0));
            }
        }
        places
    }

    /// Adds the parts that stand under each named head: "(a)" or "1a)" under "Question 1".
    fn with_parts(&self, named: Vec<Place<'a>>) -> Vec<Place<'a>> {
        let ends: Vec<usize> =
            named.iter().skip(1).map(|place| place.line).chain([self.lines.len()]).collect();
        let mut all = Vec::new();
        for (stem, end) in named.into_iter().zip(ends) {
            if stem.is_leaf {
                all.push(stem);
                continue;
            }
            let mut places = vec![stem.clone()];
            for at in stem.line + 1..end {
                let inside = self.at_line(at, None);
                places.extend(inside.into_iter().filter(|place| place.path.starts_with(&stem.path)));
            }
            let line = stem.line;
            all.push(stem);
            all.extend(self.rising(&places).into_iter().filter(|place| place.line > line));
        }
        all
    }

    /// The best chain of heads among all ways of writing a number.
    fn numbered(&self) -> Vec<Place<'a>> {
        const STYLES: [Style; 6] =
            [Style::Dot, Style::Parenthesis, Style::Brackets, Style::Colon, Style::Dash, Style::Bare];
        let repeated: Vec<Option<Place<'a>>> =
            (0..self.lines.len()).map(|at| self.repeated_question(at)).collect();
        let mut best: (Vec<Place<'a>>, f64) = (Vec::new(), 0.0);
        for style in STYLES {
            let mut places: Vec<Place<'a>> = Vec::new();
            for (at, repeated) in repeated.iter().enumerate() {
                places.extend(self.at_line(at, Some(style)));
                places.extend(repeated.clone());
            }
            discount_lists(&mut places);
            let chain = self.rising(&places);
            // What comes first in a paper is its own numbering; a list comes inside it.
            let before = chain.first().map_or(0, |place| place.line);
            let score = chain.iter().map(|place| place.score).sum::<f64>() - 0.3 * (before as f64).min(8.0);
            let outer = encloses(&chain, &best.0) || (score > best.1 && !encloses(&best.0, &chain));
            if !chain.is_empty() && (best.0.is_empty() || outer) {
                best = (chain, score);
            }
        }
        best.0
    }

    /// What a line's number may name, written in `style` (or in any, where it is `None`).
    fn at_line(&self, at: usize, style: Option<Style>) -> Vec<Place<'a>> {
        let Some((head, rest)) = &self.lines[at].head else {
            return Vec::new();
        };
        if !head.is_absolute() {
            let meanings = self.index.relative(&head.path);
            let places = meanings.iter().map(|meaning| Place {
                understood: meaning.path.len() - head.path.len(),
                ..Place::new(at, meaning, *rest, self.likeness(at, head, meaning.leaf))
            });
            return places.collect();
        }
        let alike = head.style == Style::Keyword || head.path.len() > 1;
        if !alike && style.is_some_and(|style| style != head.style) {
            return Vec::new();
        }
        let meanings = self.index.absolute(&head.path);
        meanings
            .iter()
            .map(|meaning| Place::new(at, meaning, *rest, self.likeness(at, head, meaning.leaf)))
            .collect()
    }

    /// How much a numbered line looks like the head of an answer to a question.
    fn likeness(&self, at: usize, head: &Head, leaf: usize) -> f64 {
        let line = &self.lines[at];
        let mut score = if head.style == Style::Keyword { 2.0 } else { 1.0 };
        if line.is_heading {
            score += 1.0;
        }
        let question = &self.index.texts[leaf];
        let long = question.split_whitespace().count() > 2;
        let rest = line.head.as_ref().map_or("", |(_, rest)| rest.text);
        let said = match (rest, self.lines.get(at + 1)) {
            ("", Some(below)) => below.passage.text,
            _ => rest,
        };
        if long && repeated_length(said, question) > 0 {
            score += 2.0;
        }
        score
    }

    /// A line that is a question's own text, without its number.
    fn repeated_question(&self, at: usize) -> Option<Place<'a>> {
        let passage = self.lines[at].passage;
        let leaf = self.index.texts.iter().position(|question| {
            let own = question.lines().next_back().unwrap_or("");
            is_question(passage.text, own) || is_question(passage.text, question)
        })?;
        let path = self.index.paths[leaf].clone();
        let meaning = Meaning { leaf, is_leaf: true, path };
        Some(Place::new(at, &meaning, passage, 2.5))
    }

    /// The chain of places that rises in the guide's order with the highest score.
    fn rising(&self, places: &[Place<'a>]) -> Vec<Place<'a>> {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let candidates: Vec<Candidate> = places
            .iter()
            .map(|place| Candidate {
                line: place.line,
                key: vec![number(place.leaf), u32::from(place.is_leaf), number(place.path.len())],
                score: place.score,
            })
            .collect();
        let (chain, _) = best_chain(&candidates, |previous, next| {
            let next = &places[next];
            let Some(previous) = previous.map(|at| &places[at]) else {
                return (next.understood == 0).then_some((0.2 * next.leaf as f64).min(2.0));
            };
            // A part alone goes on under the number that came last.
            if !previous.path.starts_with(&next.path[..next.understood]) {
                return None;
            }
            let done = previous.leaf + usize::from(previous.is_leaf);
            Some(0.2 * next.leaf.saturating_sub(done) as f64)
        });
        chain.into_iter().map(|at| places[at].clone()).collect()
    }

    /// "2. a) chloroplasts b) no light": the parts after the first on one line.
    fn with_parts_on_one_line(&self, heads: Vec<Place<'a>>) -> Vec<Place<'a>> {
        let found: Vec<usize> = heads.iter().filter(|head| head.is_leaf).map(|head| head.leaf).collect();
        let mut all = Vec::with_capacity(heads.len());
        for head in heads {
            all.push(head);
            while let Some(part) = all.last_mut().and_then(|last| self.next_part_on_line(last, &found)) {
                all.push(part);
            }
        }
        all
    }

    /// Cuts the next part off a head's line, where the paper has it nowhere else.
    fn next_part_on_line(&self, head: &mut Place<'a>, found: &[usize]) -> Option<Place<'a>> {
        let leaf = head.leaf + 1;
        let path = self.index.paths.get(leaf)?;
        let level = head.path.len().checked_sub(1).filter(|level| *level > 0)?;
        let beside = head.is_leaf && path.len() == head.path.len() && path[..level] == head.path[..level];
        if !beside || found.contains(&leaf) {
            return None;
        }
        let text = head.rest.text;
        let (at, next) = text
            .char_indices()
            .filter(|(_, c)| c.is_whitespace())
            .map(|(at, c)| at + c.len_utf8())
            .find_map(|at| {
                let next = parse_head(&text[at..]).filter(|next| next.path[..] == path[level..])?;
                matches!(next.style, Style::Parenthesis | Style::Brackets).then_some((at, next))
            })?;
        let part = Place { leaf, path: path.clone(), rest: head.rest.from(at + next.rest), ..head.clone() };
        head.rest = head.rest.part(0, at);
        Some(part)
    }
}

/// "Question 2 shows that …" in the middle of an answer: goes on in lower case without a delimiter.
fn is_mention(line: Passage<'_>, rest: Passage<'_>) -> bool {
    let before = line.part(0, rest.start.saturating_sub(line.start)).text;
    rest.text.starts_with(char::is_lowercase) && before.ends_with(char::is_alphanumeric)
}

/// Whether all of `inner` stands between two heads of `outer` or after its last: a list in an answer.
fn encloses(outer: &[Place<'_>], inner: &[Place<'_>]) -> bool {
    let (Some(first), Some(last), Some(start)) = (inner.first(), inner.last(), outer.first()) else {
        return false;
    };
    let crossed = outer.iter().any(|place| place.line >= first.line && place.line <= last.line);
    outer.len() > 1 && start.line < first.line && !crossed
}

/// Lists inside answers score less, by the numbers alone.
fn discount_lists(places: &mut [Place<'_>]) {
    let plain: Vec<usize> = (0..places.len())
        .filter(|&at| places[at].understood == 0 && places[at].path.len() == 1 && places[at].score < 2.0)
        .collect();
    let mut candidates: Vec<Candidate> = plain
        .iter()
        .map(|&at| Candidate {
            line: places[at].line,
            key: vec![number_value(&places[at].path[0]).unwrap_or(0)],
            score: places[at].score,
        })
        .collect();
    discount_inner_lists(&mut candidates);
    for (at, candidate) in plain.into_iter().zip(candidates) {
        places[at].score = candidate.score;
    }
}
