//! Which lines of a guide begin its questions. "Question 1" always does; bare numbers do where they form
//! the document's own numbering.

use std::collections::BTreeMap;
use std::ops::Range;

use super::absorb::asks;
use super::chain::{Candidate, best_chain, discount_inner_lists};
use super::elements::Element;
use super::heads::{Head, Keyword, Style, head_of, letter_value, number_value, roman_value};
use super::lines::{Passage, Shape};
use super::marks_notation::trailing;
use super::sections::{Section, label};

/// The lines that begin questions, by their index among the elements.
pub(crate) type Heads<'a> = BTreeMap<usize, (Head, Passage<'a>)>;

/// Finds the lines in `range` that begin questions.
pub(crate) fn question_heads<'a>(elements: &[Element<'a>], range: Range<usize>) -> Heads<'a> {
    let from = range.start;
    let absolute: Vec<(usize, Head, Passage<'a>)> = range
        .filter_map(|at| {
            let (head, rest) = head_of(elements[at].line()?)?;
            head.is_absolute().then_some((at, head, rest))
        })
        .collect();
    let named = |head: &Head| matches!(head.keyword, Some(Keyword::Question | Keyword::Answer));
    if absolute.iter().any(|(_, head, _)| head.keyword == Some(Keyword::Question)) {
        return absolute
            .into_iter()
            .filter(|(_, head, _)| named(head))
            .map(|(at, head, rest)| (at, (head, rest)))
            .collect();
    }
    const STYLES: [Style; 6] =
        [Style::Dot, Style::Parenthesis, Style::Brackets, Style::Colon, Style::Dash, Style::Bare];
    let mut best = (Vec::new(), 0.0);
    for style in STYLES {
        let alike: Vec<usize> = (0..absolute.len())
            .filter(|&at| {
                let head = &absolute[at].1;
                head.style == style || head.path.len() > 1 && style != Style::Bare
            })
            .collect();
        let (chain, score) = chain_of(elements, &absolute, &alike, from);
        if score > best.1 {
            best = (chain, score);
        }
    }
    best.0
        .into_iter()
        .map(|at| {
            let (line, head, rest) = &absolute[at];
            (*line, (head.clone(), *rest))
        })
        .collect()
}

fn chain_of<'a>(
    elements: &[Element<'a>],
    absolute: &[(usize, Head, Passage<'a>)],
    alike: &[usize],
    from: usize,
) -> (Vec<usize>, f64) {
    let mut candidates: Vec<Candidate> = alike
        .iter()
        .map(|&at| {
            let (line, head, rest) = &absolute[at];
            Candidate {
                line: *line,
                key: path_key(&head.path),
                score: likeness(elements, *line, *rest, from),
            }
        })
        .collect();
    discount_inner_lists(&mut candidates);
    let keys: Vec<Vec<u32>> = candidates.iter().map(|candidate| candidate.key.clone()).collect();
    let (chain, score) = best_chain(&candidates, |previous, next| {
        let next = &keys[next];
        let Some(previous) = previous.map(|index| &keys[index]) else {
            return Some(f64::from(next[0].saturating_sub(1)).min(5.0) * 0.2);
        };
        let jump = next[0].saturating_sub(previous[0]);
        (jump <= 10).then(|| f64::from(jump.saturating_sub(1)) * 0.5)
    });
    (chain.into_iter().map(|index| alike[index]).collect(), score)
}

/// How much a numbered line looks like a question, in a stretch that begins at `from`.
fn likeness(elements: &[Element<'_>], at: usize, rest: Passage<'_>, from: usize) -> f64 {
    let mut score = 1.0;
    let is_heading = elements[at].line().is_some_and(|line| matches!(line.shape, Shape::Heading(_)));
    if is_heading {
        score += 1.0;
    }
    if asks(rest.text) {
        score += 0.5;
    }
    if trailing(rest.text).is_some_and(|(note, _)| note.certain) {
        score += 0.3;
    }
    let following = elements[at + 1..].iter().take(2).filter_map(Element::line);
    if following
        .into_iter()
        .any(|line| label(line.passage).is_some_and(|found| found.section != Section::Marks))
    {
        score += 0.5;
    }
    // A label that opens the whole stretch says nothing about its first line.
    let before = at.checked_sub(1).filter(|&before| before > from).and_then(|before| elements[before].line());
    let under_label = before.and_then(|line| label(line.passage)).is_some_and(|found| {
        found.rest.is_empty() && matches!(found.section, Section::Answer | Section::Rubric | Section::Notes)
    });
    if under_label && !is_heading {
        score -= 1.5;
    }
    score
}

/// A path as numbers that sort in its order. A letter that may be Roman counts as a letter, because a
/// path from one line begins its letters with `a`.
pub(crate) fn path_key(path: &[String]) -> Vec<u32> {
    path.iter()
        .enumerate()
        .map(|(level, part)| {
            let letter = letter_value(part).filter(|_| level < 2);
            number_value(part)
                .or(letter)
                .or_else(|| roman_value(part))
                .or_else(|| letter_value(part))
                .unwrap_or(0)
        })
        .collect()
}

/// A stretch of a guide whose questions are numbered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) range: Range<usize>,
    /// Letter of its section, where sections number their questions anew.
    pub(crate) prefix: String,
    /// Whether it answers the questions of the stretch before it.
    pub(crate) answers: bool,
}

/// Divides a guide where its numbering begins again: at "Section B", and at "Mark scheme" after all the
/// questions.
pub(crate) fn stretches(elements: &[Element<'_>]) -> Vec<Stretch> {
    let mut all = vec![Stretch { range: 0..elements.len(), prefix: String::new(), answers: false }];
    let sections: Vec<(usize, String)> = (0..elements.len())
        .filter_map(|at| Some((at, section_name(elements[at].line()?.passage.text)?)))
        .collect();
    if sections.len() > 1 && sections.len() <= 26 {
        let ends = sections.iter().skip(1).map(|(at, _)| *at).chain([elements.len()]);
        let ranges: Vec<Range<usize>> = sections.iter().zip(ends).map(|((at, _), end)| *at..end).collect();
        let restarts =
            ranges.iter().filter(|range| first_number(elements, (*range).clone()) == Some(1)).count();
        if restarts > 1 {
            all[0].range.end = sections[0].0;
            all.extend(ranges.into_iter().zip(sections).map(|(range, (_, prefix))| Stretch {
                range,
                prefix,
                answers: false,
            }));
        }
    }
    all.into_iter().flat_map(|stretch| divide_at_answers(elements, stretch)).collect()
}

fn first_number(elements: &[Element<'_>], range: Range<usize>) -> Option<u32> {
    let heads = question_heads(elements, range);
    heads.values().next().and_then(|(head, _)| number_value(&head.path[0]))
}

/// `B` for "Section B", "SECTION B – Structured questions", "Part II".
pub(crate) fn section_name(text: &str) -> Option<String> {
    let (first, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(length);
    let rest = rest.trim_start();
    let letter = name.len() == 1 && name.starts_with(|c: char| c.is_ascii_uppercase());
    let roman = roman_value(&name.to_ascii_lowercase()).is_some()
        && name.starts_with(|c: char| c.is_ascii_uppercase());
    let number = number_value(name).is_some();
    let apart = rest.is_empty()
        || rest.starts_with([':', '.', '–', '—', '-', '(', '['])
        || rest.starts_with(char::is_uppercase);
    let announces = ["section", "part"].iter().any(|word| first.eq_ignore_ascii_case(word));
    (announces && (letter || roman || number) && apart && text.len() < 100).then(|| name.to_owned())
}

/// "Mark scheme" on a line of its own with "1." after it, where the questions 1, 2, … came before.
fn divide_at_answers(elements: &[Element<'_>], stretch: Stretch) -> Vec<Stretch> {
    // Only the first such label can be: a guide that labels each question's answer is not divided.
    let divider = stretch.range.clone().skip(1).find(|&at| {
        let found = elements[at].line().and_then(|line| label(line.passage));
        found.is_some_and(|found| matches!(found.section, Section::Answer | Section::Rubric))
    });
    let Some(at) = divider.filter(|&at| answers_begin(elements, &stretch.range, at)) else {
        return vec![stretch];
    };
    let answers = Stretch { range: at..stretch.range.end, prefix: stretch.prefix.clone(), answers: true };
    vec![Stretch { range: stretch.range.start..at, ..stretch }, answers]
}

fn answers_begin(elements: &[Element<'_>], range: &Range<usize>, at: usize) -> bool {
    let alone =
        elements[at].line().and_then(|line| label(line.passage)).is_some_and(|found| found.rest.is_empty());
    let next = elements.get(at + 1).and_then(Element::line).and_then(head_of);
    let restarts = next.is_some_and(|(head, _)| head.is_absolute() && number_value(&head.path[0]) == Some(1));
    if !alone || !restarts {
        return false;
    }
    let before = question_heads(elements, range.start..at);
    let after = question_heads(elements, at..range.end);
    let last = |heads: &Heads<'_>| heads.values().next_back().map(|(head, _)| head.path[0].clone());
    before.len() > 1 && after.len() > 1 && last(&before) == last(&after)
}
