//! From drafts to questions: stems give their text to their parts, points get their marks, the maximum is
//! settled and every doubt is noted.

use gradus_domain::Marks;

use super::confidence::{Doubt, judge};
use super::draft::{Draft, Point};
use super::error::GuideError;
use super::heads::number_value;
use super::{Question, QuestionId, RubricPoint};

/// The questions of a walk's drafts.
///
/// # Errors
/// [`GuideError::NoMarks`] where the marks of a question are nowhere to be found.
pub(crate) fn finish(drafts: Vec<Draft>) -> Result<Vec<Question>, GuideError> {
    let drafts = options_returned(drafts);
    let stems: Vec<usize> = (0..drafts.len()).filter(|&at| is_stem(&drafts, at)).collect();
    let stem_texts: Vec<StemOf> = (0..drafts.len()).map(|at| stem_of(&drafts, &stems, at)).collect();
    let numbering = numbering_doubts(&drafts, &stems);
    let mut finished = Vec::new();
    let mut without_marks = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        if stems.contains(&at) {
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
    let totals = part_total_doubts(&drafts, &finished);
    Ok(finished
        .into_iter()
        .map(|(at, id, mut settled)| {
            settled.doubts.extend(numbering[at].iter().cloned());
            settled.doubts.extend(totals[at].iter().cloned());
            question(&drafts[at], &stem_texts[at], id, settled)
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
        id,
        text,
        max_marks: settled.max,
        model_answer,
        rubric: settled.rubric,
        notes: stem.notes.iter().cloned().chain(settled.notes).collect(),
        confidence,
        doubts,
        span: draft.span,
    }
}

fn is_stem(drafts: &[Draft], at: usize) -> bool {
    drafts.iter().any(|other| is_inside(other, &drafts[at]))
}

fn is_inside(part: &Draft, whole: &Draft) -> bool {
    part.prefix == whole.prefix && part.path.len() > whole.path.len() && part.path.starts_with(&whole.path)
}

/// What a part takes over from the questions around it.
#[derive(Debug, Default)]
struct StemOf {
    texts: Vec<String>,
    notes: Vec<String>,
}

fn stem_of(drafts: &[Draft], stems: &[usize], at: usize) -> StemOf {
    let mut all = StemOf::default();
    for &stem in stems.iter().filter(|&&stem| is_inside(&drafts[at], &drafts[stem])) {
        let stem = &drafts[stem];
        all.texts.push(stem.text.as_str().to_owned());
        all.notes.extend(stem.notes.iter().cloned());
        if !stem.answer.is_empty() {
            all.notes.push(format!("For the whole of question {}: {}", stem.id(), stem.answer.as_str()));
        }
        all.notes.extend(
            stem.points
                .iter()
                .map(|point| format!("For the whole of question {}: {}", stem.id(), point.text)),
        );
    }
    all
}

/// Options of a multiple-choice question look like its parts until it is seen that only the question has
/// marks: they go back into its text.
fn options_returned(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let mut at = 0;
    while at < drafts.len() {
        let end = (at + 1..drafts.len())
            .find(|&next| !is_inside(&drafts[next], &drafts[at]))
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
fn numbering_doubts(drafts: &[Draft], stems: &[usize]) -> Vec<Vec<Doubt>> {
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
        if stems.contains(&at) {
            continue;
        }
        doubts[at].extend(gap.take());
        if drafts.iter().enumerate().any(|(other, twin)| other != at && twin.id() == draft.id()) {
            doubts[at].push(Doubt::Duplicate);
        }
    }
    doubts
}

/// Doubts where the parts of a question do not add up to what the guide gives the whole.
fn part_total_doubts(drafts: &[Draft], finished: &[(usize, QuestionId, Settled)]) -> Vec<Vec<Doubt>> {
    let mut doubts = vec![Vec::new(); drafts.len()];
    for whole in drafts {
        let parts: Vec<_> = finished.iter().filter(|(at, _, _)| is_inside(&drafts[*at], whole)).collect();
        let stated =
            parts.iter().find_map(|(at, _, _)| drafts[*at].outer_total).filter(|_| whole.path.len() == 1);
        let (Some(total), Some((first, _, _))) = (whole.max.or(stated), parts.first()) else {
            continue;
        };
        let sum: Marks = parts.iter().map(|(_, _, settled)| settled.max).sum();
        if sum != total {
            doubts[*first].push(Doubt::PartsDiffer { whole: whole.id(), parts: sum, total });
        }
    }
    doubts
}

/// A question's marks, settled.
struct Settled {
    max: Marks,
    rubric: Vec<RubricPoint>,
    notes: Vec<String>,
    doubts: Vec<Doubt>,
}

impl Settled {
    /// `None` where neither a maximum nor any marks for points are known.
    fn of(draft: &Draft) -> Option<Self> {
        let mut doubts = Vec::new();
        let mut notes = draft.notes.clone();
        let mut rubric: Vec<(RubricPoint, usize)> = Vec::new();
        let marks = PointMarks::of(draft);
        doubts.extend(marks.doubt.clone());
        for (point, marks) in draft.points.iter().zip(&marks.of_points) {
            match marks {
                Some(marks) => rubric.push((rubric_point(point, *marks), point.group)),
                None => notes.push(point.text.clone()),
            }
        }
        let mut attainable = Marks::ZERO;
        for (index, group) in draft.groups.iter().enumerate() {
            let of_group: Vec<Marks> =
                rubric.iter().filter(|(_, group)| *group == index).map(|(point, _)| point.marks).collect();
            let limit = group.rule.limit(of_group.iter().copied().max());
            let sum: Marks = of_group.iter().copied().sum();
            match (&group.header, limit) {
                // A rule without a list under it is itself the point.
                (Some((text, span)), Some(limit)) if of_group.is_empty() => {
                    let point = RubricPoint { text: text.clone(), marks: limit, span: *span };
                    rubric.push((point, index));
                    attainable = attainable + limit;
                    continue;
                }
                (Some((text, _)), _) => notes.push(text.clone()),
                (None, _) => {}
            }
            attainable = attainable + limit.map_or(sum, |limit| limit.min(sum));
        }
        let max = match draft.max {
            Some(max) if max > Marks::ZERO => max,
            _ if attainable > Marks::ZERO => {
                doubts.push(Doubt::MaximumInferred { max: attainable });
                attainable
            }
            _ => return None,
        };
        if !rubric.is_empty() && attainable != max && marks.doubt.is_none() {
            doubts.push(Doubt::SumDiffers { sum: attainable, max });
        }
        Some(Self { max, rubric: rubric.into_iter().map(|(point, _)| point).collect(), notes, doubts })
    }
}

fn rubric_point(point: &Point, marks: Marks) -> RubricPoint {
    RubricPoint { text: point.text.clone(), marks, span: point.span }
}

/// What each point is worth: as noted, by its group's rule, or shared out of the maximum.
struct PointMarks {
    of_points: Vec<Option<Marks>>,
    doubt: Option<Doubt>,
}

impl PointMarks {
    fn of(draft: &Draft) -> Self {
        let mut of_points: Vec<Option<Marks>> = draft
            .points
            .iter()
            .map(|point| point.marks.or_else(|| each_in_group(draft, point.group)))
            .collect();
        let open = of_points.iter().filter(|marks| marks.is_none()).count();
        // Under levels of response the points only say what to look for.
        if open == 0 || draft.banded {
            return Self { of_points, doubt: None };
        }
        let given: Marks = of_points.iter().flatten().copied().sum();
        let share = draft.max.and_then(|max| share_of(max - given, open));
        let doubt = match share {
            Some(each) => {
                of_points.iter_mut().for_each(|marks| *marks = marks.or(Some(each)));
                // What is left for a single point needs no sharing.
                return Self {
                    of_points,
                    doubt: (open > 1).then_some(Doubt::MarksShared { points: open, each }),
                };
            }
            None if open == of_points.len() && draft.max.is_some() => {
                of_points.iter_mut().for_each(|marks| *marks = Some(Marks::ONE));
                Doubt::MarksGuessed { points: open }
            }
            None => Doubt::PointsWithoutMarks { points: open },
        };
        Self { of_points, doubt: Some(doubt) }
    }
}

/// Marks of each point under the group's rule; "any two from" shares the maximum among two.
fn each_in_group(draft: &Draft, group: usize) -> Option<Marks> {
    let rule = &draft.groups.get(group)?.rule;
    let shared = || {
        let count = usize::try_from(rule.any?).ok()?;
        let only = draft.groups.iter().filter(|group| group.rule.any.is_some()).count() == 1;
        let others: Marks = (0..draft.groups.len())
            .filter(|&other| other != group)
            .map(|other| stated_in_group(draft, other))
            .sum();
        let total = rule.max.or_else(|| draft.max.filter(|_| only).map(|max| max - others));
        match total {
            Some(total) => share_of(total, count),
            None => Some(Marks::ONE),
        }
    };
    rule.each.or_else(shared)
}

/// What a group's points come to by what the guide states about them.
fn stated_in_group(draft: &Draft, group: usize) -> Marks {
    let rule = &draft.groups[group].rule;
    let points = draft.points.iter().filter(|point| point.group == group);
    let sum: Marks = points.filter_map(|point| point.marks.or(rule.each)).sum();
    rule.limit(None).map_or(sum, |limit| limit.min(sum))
}

/// An equal share in quarter marks, where there is one.
fn share_of(total: Marks, count: usize) -> Option<Marks> {
    let count = i32::try_from(count).ok().filter(|count| *count > 0)?;
    let each = total.thousandths() / count;
    (each > 0 && each * count == total.thousandths() && each % 250 == 0)
        .then(|| Marks::from_thousandths(each))
}
