//! What a question's marks come to: each point's marks, the limits of groups, the maximum.

use gradus_domain::Marks;

use super::RubricPoint;
use super::confidence::Doubt;
use super::draft::{Draft, Point};

/// A question's marks, settled.
pub(crate) struct Settled {
    pub(crate) max: Marks,
    pub(crate) rubric: Vec<RubricPoint>,
    pub(crate) notes: Vec<String>,
    pub(crate) doubts: Vec<Doubt>,
}

impl Settled {
    /// `None` where neither a maximum nor any marks for points are known.
    pub(crate) fn of(draft: &Draft) -> Option<Self> {
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
