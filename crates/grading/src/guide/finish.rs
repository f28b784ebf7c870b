//! From drafts to questions: stems give their text to their parts, points get their marks, the maximum is
//! settled and every doubt is noted.

use std::collections::BTreeMap;

use gradus_domain::Marks;

use super::confidence::{Doubt, judge};
use super::draft::Draft;
use super::error::GuideError;
use super::heads::number_value;
use super::outline::Outline;
use super::settle::Settled;
use super::{Question, QuestionId};

/// The questions of a walk's drafts.
///
/// # Errors
/// [`GuideError::NoMarks`] where the marks of a question are nowhere to be found.
pub(crate) fn finish(drafts: Vec<Draft>) -> Result<Vec<Question>, GuideError> {
    let drafts = options_returned(drafts);
    let outline = Outline::of(&drafts);
    let numbering = numbering_doubts(&drafts, &outline);
    let mut finished = Vec::new();
    let mut without_marks = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        if outline.is_stem[at] {
            continue;
        }
        let id = QuestionId(draft.id());
        match Settled::of(draft) {
            Some(settled) => finished.push((at, id, settled)),
            None => without_marks.push(id),
        }
    }
    if !without_marks.is_empty() {
        return Err(GuideError::NoMarks { questions: without_marks });
    }
    let totals = part_total_doubts(&drafts, &outline, &finished);
    Ok(finished
        .into_iter()
        .map(|(at, id, mut settled)| {
            settled.doubts.extend(numbering[at].iter().cloned());
            settled.doubts.extend(totals[at].iter().cloned());
            question(&drafts[at], &stem_of(&drafts, &outline, at), id, settled)
        })
        .collect())
}

fn question(draft: &Draft, stem: &StemOf, id: QuestionId, settled: Settled) -> Question {
    let mut doubts = settled.doubts;
    let text: Vec<&str> = stem
        .texts
        .iter()
        .map(String::as_str)
        .chain([draft.text.as_str()])
        .filter(|text| !text.is_empty())
        .collect();
    let text = text.join("\n");
    if text.is_empty() {
        doubts.push(Doubt::NoText);
    }
    let model_answer = (!draft.answer.is_empty()).then(|| draft.answer.as_str().to_owned());
    match (&model_answer, settled.rubric.is_empty()) {
        (None, true) if !draft.banded => doubts.push(Doubt::NothingToMarkBy),
        (None, _) => doubts.push(Doubt::NoModelAnswer),
        _ => {}
    }
    let (confidence, doubts) = judge(&doubts);
    Question {
        model_answer,
        rubric: settled.rubric,
        notes: stem.notes.iter().cloned().chain(settled.notes).collect(),
        confidence,
        doubts,
        span: draft.span,
        ..Question::new(id, text, settled.max)
    }
}

/// What a part takes over from the questions around it.
#[derive(Debug, Default)]
struct StemOf {
    texts: Vec<String>,
    notes: Vec<String>,
}

fn stem_of(drafts: &[Draft], outline: &Outline, at: usize) -> StemOf {
    let mut all = StemOf::default();
    for &stem in &outline.stems_of[at] {
        let stem = &drafts[stem];
        let whole = |text: &str| format!("For the whole of question {}: {text}", stem.id());
        all.texts.push(stem.text.as_str().to_owned());
        all.notes.extend(stem.notes.iter().cloned());
        if !stem.answer.is_empty() {
            all.notes.push(whole(stem.answer.as_str()));
        }
        all.notes.extend(stem.points.iter().map(|point| whole(&point.text)));
    }
    all
}

/// Options of a multiple-choice question look like its parts until it is seen that only the question has
/// marks: they go back into its text.
fn options_returned(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let mut at = 0;
    while at < drafts.len() {
        let end = (at + 1..drafts.len())
            .find(|&next| !drafts[next].is_part_of(&drafts[at]))
            .unwrap_or(drafts.len());
        let parts = &drafts[at + 1..end];
        let are_options = drafts[at].max.is_some()
            && parts.len() > 1
            && parts.iter().all(|part| part.max.is_none())
            && parts[..parts.len() - 1].iter().all(Draft::is_unanswered)
            && parts[parts.len() - 1].points.is_empty();
        if are_options {
            let options: Vec<Draft> = drafts.drain(at + 1..end).collect();
            for option in options {
                drafts[at].take_option(option);
            }
        }
        at += 1;
    }
    drafts
}

/// Doubts about numbers: skipped or used twice.
fn numbering_doubts(drafts: &[Draft], outline: &Outline) -> Vec<Vec<Doubt>> {
    let mut doubts = vec![Vec::new(); drafts.len()];
    let mut last: Option<(&str, u32)> = None;
    // A gap before a stem shows at its first part.
    let mut gap: Option<Doubt> = None;
    for (at, draft) in drafts.iter().enumerate() {
        let Some(number) = number_value(&draft.path[0]) else { continue };
        let before = last.filter(|(prefix, _)| *prefix == draft.prefix).map_or(0, |(_, number)| number);
        if number > before + 1 {
            gap = Some(Doubt::Gap { missing: (before + 1..number).take(20).collect() });
        }
        last = Some((&draft.prefix, number));
        if outline.is_stem[at] {
            continue;
        }
        doubts[at].extend(gap.take());
        if outline.has_twin[at] {
            doubts[at].push(Doubt::Duplicate);
        }
    }
    doubts
}

/// Doubts where the parts of a question do not add up to what the guide gives the whole.
fn part_total_doubts(
    drafts: &[Draft],
    outline: &Outline,
    finished: &[(usize, QuestionId, Settled)],
) -> Vec<Vec<Doubt>> {
    let mut doubts = vec![Vec::new(); drafts.len()];
    // By stem: its first part, the sum of its parts' marks and a total that was stated among them.
    let mut sums: BTreeMap<usize, (usize, Marks, Option<Marks>)> = BTreeMap::new();
    for (at, _, settled) in finished {
        for &stem in &outline.stems_of[*at] {
            let (_, sum, stated) = sums.entry(stem).or_insert((*at, Marks::ZERO, None));
            *sum = *sum + settled.max;
            *stated = stated.or(drafts[*at].outer_total);
        }
    }
    for (stem, (first, parts, stated)) in sums {
        let whole = &drafts[stem];
        let total = whole.max.or(stated.filter(|_| whole.path.len() == 1));
        if let Some(total) = total.filter(|total| *total != parts) {
            doubts[first].push(Doubt::PartsDiffer { whole: whole.id(), parts, total });
        }
    }
    doubts
}
