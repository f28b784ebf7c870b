//! Charts with their captions. Each chart comes in two widths, and the style sheet shows the one that
//! fits, so that its text keeps its size on a telephone.

use askama::Template;
use gradus_grading::metrics::{ConfidenceBin, Estimate};

use crate::charts::{
    ChartName, IntervalRow, confidence_chart, confusion_chart, dot_interval_chart, loss_chart,
};
use crate::data::{ConfusionPanel, MarkScale, ResultSection, Results, TestReport, TrainingFacts};
use crate::numbers::{counted, decimal, percent, percent_interval};

/// Rows of a dot chart that fit on one A4 page together with its caption.
const MOST_ROWS: usize = 14;
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

impl Figure {
    fn in_both_widths(name: &ChartName, caption: String, draw: impl Fn(f64, &ChartName) -> String) -> Self {
        let drawing = |shown: &'static str, width| {
            let name = ChartName { id: format!("{}-{shown}", name.id), ..name.clone() };
            Drawing { shown, svg: draw(width, &name) }
        };
        Self { caption, drawings: vec![drawing("wide", WIDE), drawing("narrow", NARROW)] }
    }
}

fn described(row: &IntervalRow) -> String {
    let share = |e: &Estimate| format!("{} ({})", percent(e.value), percent_interval(e));
    let human = row.human.as_ref().map(|human| format!(", second human marker {}", share(human)));
    format!(
        "{}, {}: trained model {}, before training {}{}.",
        row.label,
        row.note,
        share(&row.trained),
        share(&row.base),
        human.unwrap_or_default()
    )
}

fn dot_figure(id: String, title: &str, caption: String, rows: &[IntervalRow]) -> Figure {
    let sentences: Vec<String> = rows.iter().map(described).collect();
    let name = ChartName { id, title: title.to_owned(), description: sentences.join(" ") };
    Figure::in_both_widths(&name, caption, |width, name| dot_interval_chart(rows, width, name))
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
            trained: section.trained.exact_agreement,
            base: section.base.exact_agreement,
            human: section.human.as_ref().map(|human| human.exact_agreement),
        })
    };
    let rows: Vec<IntervalRow> = groups.into_iter().filter_map(row).collect();
    let caption = "How often each marker gives the teacher’s mark. Lines are 95\u{a0}% intervals; \
                   further right is better.";
    (!rows.is_empty())
        .then(|| dot_figure("groups".into(), "Same mark as the teacher", caption.to_owned(), &rows))
}

/// Exact agreement question by question, in as many charts as pages need.
pub(super) fn questions(report: &TestReport) -> Vec<Figure> {
    let rows: Vec<IntervalRow> = report
        .by_question
        .iter()
        .map(|result| IntervalRow {
            label: format!("Question {}", result.question.0),
            note: counted(result.trained.count, "answer", "answers"),
            trained: result.trained.exact_agreement,
            base: result.base.exact_agreement,
            human: result.human.as_ref().map(|human| human.exact_agreement),
        })
        .collect();
    let figure = |(index, rows): (usize, &[IntervalRow])| {
        let caption = "The same by question. With few answers to a question its interval is wide: \
                       look for questions whose whole line lies far left.";
        let id = format!("questions-{}", index + 1);
        dot_figure(id, "Same mark as the teacher, by question", caption.to_owned(), rows)
    };
    rows.chunks(MOST_ROWS).enumerate().map(figure).collect()
}

/// One heat map for each confusion matrix.
pub(super) fn confusion(panels: &[ConfusionPanel]) -> Vec<Figure> {
    panels.iter().enumerate().filter_map(confusion_figure).collect()
}

fn confusion_figure((index, panel): (usize, &ConfusionPanel)) -> Option<Figure> {
    let counts = &panel.matrix.counts;
    let total: u32 = counts.iter().flatten().sum();
    let same: u32 = counts.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum();
    let rounded = match panel.scale {
        MarkScale::Marks => "",
        MarkScale::ShareOfMaximum => {
            " Questions have different maxima, so marks are shown as rounded shares of the maximum."
        }
    };
    let caption = format!(
        "{}: {same} of {total} on the outlined diagonal, where both gave the same mark.{rounded}",
        panel.marker
    );
    let name = ChartName {
        id: format!("confusion-{}", index + 1),
        title: format!("Marks of the teacher against marks of: {}", panel.marker),
        description: described_matrix(panel),
    };
    let svg = confusion_chart(panel, NARROW, &name)?;
    let drawings = vec![Drawing { shown: "any", svg }];
    Some(Figure { caption, drawings })
}

fn described_matrix(panel: &ConfusionPanel) -> String {
    let marks = &panel.matrix.marks;
    let row = |(mark, counts): (&gradus_domain::Marks, &Vec<u32>)| {
        let cells = marks.iter().zip(counts).filter(|(_, count)| **count > 0);
        let cells: Vec<String> = cells.map(|(given, count)| format!("{given} on {count}")).collect();
        format!("Where the teacher gave {mark}, it gave {}.", cells.join(", "))
    };
    let has_answers = |(_, counts): &(_, &Vec<u32>)| counts.iter().any(|count| *count > 0);
    let rows: Vec<String> = marks.iter().zip(&panel.matrix.counts).filter(has_answers).map(row).collect();
    rows.join(" ")
}

/// Confidence against reality.
pub(super) fn confidence(bins: &[ConfidenceBin]) -> Option<Figure> {
    let filled: Vec<&ConfidenceBin> = bins.iter().filter(|bin| bin.count > 0).collect();
    let describe = |bin: &&ConfidenceBin| {
        format!(
            "At a mean confidence of {}, {} of {} have the teacher’s mark.",
            percent(bin.mean_confidence),
            percent(bin.accuracy),
            counted(bin.count, "answer", "answers")
        )
    };
    let sentences: Vec<String> = filled.iter().map(describe).collect();
    let name = ChartName {
        id: "confidence".into(),
        title: "Confidence of the trained model against how often it is right".into(),
        description: sentences.join(" "),
    };
    let caption = "A dot on the dashed line means that the confidence can be taken at its word; below \
                   it the model is surer than it should be. Bars count the answers behind each dot.";
    (!filled.is_empty()).then(|| {
        Figure::in_both_widths(&name, caption.to_owned(), |width, name| {
            confidence_chart(bins, width, name).unwrap_or_default()
        })
    })
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
    loss_chart(training, NARROW, &name)?;
    let caption = "Loss is how surprised the model is by the right mark; lower is better. Where the \
                   training line falls and the validation line rises, it learns answers by heart.";
    Some(Figure::in_both_widths(&name, caption.to_owned(), |width, name| {
        loss_chart(training, width, name).unwrap_or_default()
    }))
}
