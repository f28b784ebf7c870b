//! Charts with their captions. Each chart comes in two widths, and the style sheet shows the one that
//! fits, so that its text keeps its size on a telephone.

use askama::Template;
use gradus_grading::metrics::{ConfidenceBin, Estimate};

use crate::charts::{
    ChartName, ConfusionTable, CoverageChart, IntervalChart, IntervalRow, Series, TESTED, confidence_chart,
    confusion_chart, loss_chart,
};
use crate::data::{
    AutomaticMarking, ConfusionPanel, CoveragePoint, MarkScale, ResultSection, Results, TestReport,
    TrainingFacts, VerdictConfusion,
};
use crate::numbers::{counted, decimal, percent, percent_interval};

/// Rows of a dot chart that fit on one A4 page together with its caption.
const MOST_ROWS: usize = 14;
/// What a curve of coverage shows.
const SUREST_ANSWERS: &str = "Mark only the surest answers, on the left, and most marks are the teacher’s; \
                              mark all, on the right, and agreement is that of the whole test.";
const WIDE: f64 = 736.0;
const NARROW: f64 = 344.0;

/// A captioned chart.
#[derive(Template)]
#[template(path = "figure.html")]
pub(super) struct Figure {
    caption: String,
    drawings: Vec<Drawing>,
}

struct Drawing {
    /// `wide`, `narrow` or `any`.
    shown: &'static str,
    /// Markup from [`crate::charts`], escaped there.
    svg: String,
}

/// How much room a chart has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Room {
    /// The page's whole width.
    Page,
    /// A column beside others.
    Column,
}

impl Figure {
    fn drawn(
        room: Room,
        name: &ChartName,
        caption: String,
        draw: impl Fn(f64, &ChartName) -> Option<String>,
    ) -> Option<Self> {
        let drawing = |shown: &'static str, width| {
            let name = ChartName { id: format!("{}-{shown}", name.id), ..name.clone() };
            Some(Drawing { shown, svg: draw(width, &name)? })
        };
        let drawings = match room {
            Room::Page => vec![drawing("wide", WIDE)?, drawing("narrow", NARROW)?],
            Room::Column => vec![drawing("any", NARROW)?],
        };
        Some(Self { caption, drawings })
    }
}

fn described(row: &IntervalRow, series: &[Series<'_>]) -> String {
    let share = |(series, value): (&Series<'_>, &Option<Estimate>)| {
        let value = value.as_ref()?;
        Some(format!("{} {} ({})", series.name(), percent(value.value), percent_interval(value)))
    };
    let shares: Vec<String> = series.iter().zip(&row.values).filter_map(share).collect();
    format!("{}, {}: {}.", row.label, row.note, shares.join(", "))
}

/// Shares of answers as dots; `None` without rows.
pub(super) fn dots(id: String, title: &str, caption: &str, chart: &IntervalChart<'_>) -> Option<Figure> {
    let sentences: Vec<String> = chart.rows.iter().map(|row| described(row, &chart.series)).collect();
    let name = ChartName { id, title: title.to_owned(), description: sentences.join(" ") };
    let draw = |width, name: &ChartName| (!chart.rows.is_empty()).then(|| chart.draw(width, name));
    Figure::drawn(Room::Page, &name, caption.to_owned(), draw)
}

fn exact_agreement(rows: &[IntervalRow]) -> IntervalChart<'_> {
    IntervalChart { axis_title: "Same mark as the teacher (% of answers)", series: TESTED.to_vec(), rows }
}

/// Exact agreement of the groups of answers.
pub(super) fn groups(results: &Results) -> Option<Figure> {
    let groups = [
        ("All answers", &results.overall),
        ("Seen questions", &results.seen_questions),
        ("Unseen questions", &results.unseen_questions),
    ];
    let row = |(label, section): (&str, &Option<ResultSection>)| {
        let section = section.as_ref()?;
        Some(IntervalRow {
            label: label.to_owned(),
            note: counted(section.count, "answer", "answers"),
            values: vec![
                Some(section.trained.exact_agreement),
                Some(section.base.exact_agreement),
                section.human.as_ref().map(|human| human.exact_agreement),
            ],
        })
    };
    let rows: Vec<IntervalRow> = groups.into_iter().filter_map(row).collect();
    let caption = "How often each marker gives the teacher’s mark. Lines are 95\u{a0}% intervals; \
                   further right is better.";
    dots("groups".into(), "Same mark as the teacher", caption, &exact_agreement(&rows))
}

/// Exact agreement question by question, in as many charts as pages need.
pub(super) fn questions(report: &TestReport) -> Vec<Figure> {
    let rows: Vec<IntervalRow> = report
        .by_question
        .iter()
        .map(|result| IntervalRow {
            label: format!("Question {}", result.question.0),
            note: counted(result.trained.count, "answer", "answers"),
            values: vec![
                Some(result.trained.exact_agreement),
                Some(result.base.exact_agreement),
                result.human.as_ref().map(|human| human.exact_agreement),
            ],
        })
        .collect();
    let figure = |(index, rows): (usize, &[IntervalRow])| {
        let caption = "The same by question. With few answers to a question its interval is wide: \
                       look for questions whose whole line lies far left.";
        let id = format!("questions-{}", index + 1);
        dots(id, "Same mark as the teacher, by question", caption, &exact_agreement(rows))
    };
    rows.chunks(MOST_ROWS).enumerate().filter_map(figure).collect()
}

/// One heat map for each confusion matrix.
pub(super) fn confusion(panels: &[ConfusionPanel]) -> Vec<Figure> {
    let figure = |(index, panel): (usize, &ConfusionPanel)| {
        let (unit, note) = match panel.scale {
            MarkScale::Marks => ("marks", ""),
            MarkScale::ShareOfMaximum => (
                "% of the maximum",
                " Questions have different maxima, so marks are shown as rounded shares of the maximum.",
            ),
        };
        let label = |mark: &gradus_domain::Marks| match panel.scale {
            MarkScale::Marks => mark.to_string(),
            MarkScale::ShareOfMaximum => format!("{:.0}", mark.as_f64() * 100.0),
        };
        let table = ConfusionTable {
            marker: &panel.marker,
            labels: panel.matrix.marks.iter().map(label).collect(),
            unit: Some(unit),
            counts: &panel.matrix.counts,
        };
        confusion_figure(format!("confusion-{}", index + 1), &table, note)
    };
    panels.iter().enumerate().filter_map(figure).collect()
}

/// A heat map of verdicts by name.
pub(super) fn verdict_confusion(id: String, confusion: &VerdictConfusion) -> Option<Figure> {
    let VerdictConfusion { marker, names, counts } = confusion;
    confusion_figure(id, &ConfusionTable { marker, labels: names.clone(), unit: None, counts }, "")
}

fn confusion_figure(id: String, table: &ConfusionTable<'_>, note: &str) -> Option<Figure> {
    let total: u32 = table.counts.iter().flatten().sum();
    let same: u32 = table.counts.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum();
    let marker = table.marker;
    let (what, caption) = match table.unit {
        None => ("verdict", format!("Verdicts, {marker}: {same} of {total} on the outlined diagonal")),
        Some(_) => (
            "mark",
            format!(
                "{marker}: {same} of {total} on the outlined diagonal, where both gave the same mark.{note}"
            ),
        ),
    };
    let name = ChartName {
        id,
        title: format!("The teacher’s {what}s against those of: {}", table.marker),
        description: described_table(table),
    };
    Figure::drawn(Room::Column, &name, caption, |width, name| confusion_chart(table, width, name))
}

fn described_table(table: &ConfusionTable<'_>) -> String {
    let row = |(label, counts): (&String, &Vec<u32>)| {
        let cells = table.labels.iter().zip(counts).filter(|(_, count)| **count > 0);
        let cells: Vec<String> = cells.map(|(given, count)| format!("{given} on {count}")).collect();
        format!("Where the teacher gave {label}, it gave {}.", cells.join(", "))
    };
    let has_answers = |(_, counts): &(_, &Vec<u32>)| counts.iter().any(|count| *count > 0);
    let rows: Vec<String> = table.labels.iter().zip(table.counts).filter(has_answers).map(row).collect();
    rows.join(" ")
}

/// Confidence against reality.
pub(super) fn confidence(id: String, bins: &[ConfidenceBin], room: Room) -> Option<Figure> {
    let describe = |bin: &ConfidenceBin| {
        format!(
            "At a mean confidence of {}, {} of {} have the teacher’s mark.",
            percent(bin.mean_confidence),
            percent(bin.accuracy),
            counted(bin.count, "answer", "answers")
        )
    };
    let filled = bins.iter().filter(|bin| bin.count > 0);
    let sentences: Vec<String> = filled.map(describe).collect();
    let name = ChartName {
        id,
        title: "Confidence of the trained model against how often it is right".into(),
        description: sentences.join(" "),
    };
    let caption = match room {
        Room::Page => {
            "A dot on the dashed line means that the confidence can be taken at its word; below it the \
             model is surer than it should be. Bars count the answers behind each dot."
        }
        Room::Column => "Confidence",
    };
    Figure::drawn(room, &name, caption.to_owned(), |width, name| confidence_chart(bins, width, name))
}

/// Agreement on the surest answers against how many these are.
pub(super) fn coverage(
    id: String,
    curve: &[CoveragePoint],
    automatic: Option<&AutomaticMarking>,
    room: Room,
) -> Option<Figure> {
    let chosen = automatic.and_then(|automatic| Some((automatic.share_here, automatic.agreement_here?)));
    let wanted = automatic.map(|automatic| automatic.wanted_agreement);
    let caption = match (room, chosen) {
        (Room::Column, _) => "Surest answers".to_owned(),
        (Room::Page, None) => SUREST_ANSWERS.to_owned(),
        (Room::Page, Some(_)) => {
            format!("{SUREST_ANSWERS} The dot is the chosen threshold, its line the 95\u{a0}% interval.")
        }
    };
    let name = ChartName {
        id,
        title: "Agreement of the trained model on its surest answers".into(),
        description: described_coverage(curve),
    };
    let chart = CoverageChart { curve, wanted, chosen };
    Figure::drawn(room, &name, caption, |width, name| chart.draw(width, name))
}

fn described_coverage(curve: &[CoveragePoint]) -> String {
    let at_least = |share: f64| curve.iter().find(|point| point.coverage >= share);
    let points = [0.25, 0.5, 0.75, 1.0].into_iter().filter_map(at_least);
    let sentence = |point: &CoveragePoint| {
        format!(
            "On the surest {} of the answers, {} of the marks are the teacher’s.",
            percent(point.coverage),
            percent(point.agreement)
        )
    };
    points.map(sentence).collect::<Vec<_>>().join(" ")
}

/// The loss curves.
pub(super) fn loss(training: &TrainingFacts) -> Option<Figure> {
    let ends = |curve: &[crate::data::LossPoint]| {
        let (first, last) = (curve.first()?, curve.last()?);
        Some(format!(
            "from {} at step {} to {} at step {}",
            decimal(first.loss, 3),
            first.step,
            decimal(last.loss, 3),
            last.step
        ))
    };
    let train = ends(&training.train_loss).map(|ends| format!("Training loss goes {ends}. "));
    let validation = ends(&training.validation_loss).map(|ends| format!("Validation loss goes {ends}."));
    let name = ChartName {
        id: "loss".into(),
        title: "Loss over training".into(),
        description: train.unwrap_or_default() + &validation.unwrap_or_default(),
    };
    let caption = "Loss is how surprised the model is by the right mark; lower is better. Where the \
                   training line falls and the validation line rises, it learns answers by heart.";
    Figure::drawn(Room::Page, &name, caption.to_owned(), |width, name| loss_chart(training, width, name))
}
