//! `gradus mark`: one paper, marked by a trained model.

use std::path::PathBuf;

use clap::Args;
use gradus_app::domain::Marks;
use gradus_app::grading::guide::{Guide, QuestionId};
use gradus_app::guides::read_guide;
use gradus_app::marking::{Marking, Unmarked, mark_answers, write_feedback};
use gradus_app::papers::{PaperFile, read_paper};
use gradus_app::runtime::Runtime;
use gradus_app::trained::{self, TrainedModel};
use gradus_app::{Error, Session};
use serde::Serialize;

use super::guide::shortened;
use super::test::base_of;
use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::output;

/// Mark one paper with a trained model
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus mark paper.docx --guide guide.docx --model run/model")]
pub(crate) struct Arguments {
    /// The paper: DOCX, PDF, TXT, MD, HTML or RTF
    paper: PathBuf,
    /// The marking guide
    #[arg(long, value_name = "FILE")]
    guide: PathBuf,
    /// The trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The base model, where it is not the one the training named
    #[arg(long, value_name = "NAME|PATH")]
    base_model: Option<String>,
    /// Do not write feedback
    #[arg(long)]
    no_feedback: bool,
    #[command(flatten)]
    device: DeviceOption,
}

#[derive(Debug, Serialize)]
struct MarkedAnswer {
    question: QuestionId,
    max_marks: Marks,
    answer: String,
    #[serde(flatten)]
    marking: Marking,
    feedback: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let guide = read_guide(&arguments.guide)?.reading.guide;
    let paper = read_paper(&arguments.paper, &guide)?;
    let (mut runtime, _) =
        base_of(&arguments.model, arguments.base_model.as_deref(), arguments.device, environment)?;
    let model = trained::load(&arguments.model, &runtime)?;
    let marked = environment.watch(|session| {
        session.watcher.stage("Marking");
        mark(&guide, &paper, (&mut runtime, &model), !arguments.no_feedback, session)
    })?;
    show(&paper, &marked, &model, environment)
}

fn mark(
    guide: &Guide,
    paper: &PaperFile,
    (runtime, model): (&mut Runtime, &TrainedModel),
    with_feedback: bool,
    session: &mut Session<'_>,
) -> Result<Vec<MarkedAnswer>, Error> {
    let answers = paper.reading.answers.iter();
    let known: Vec<_> =
        answers.filter_map(|answer| Some((answer, guide.question(&answer.question)?))).collect();
    let unmarked: Vec<Unmarked<'_>> =
        known.iter().map(|(answer, question)| Unmarked { question, answer: &answer.answer }).collect();
    let markings = mark_answers(runtime, Some(model), &unmarked, session)?;
    let feedback: Vec<Option<String>> = if with_feedback {
        session.watcher.stage("Writing feedback");
        let marked: Vec<_> = unmarked.iter().copied().zip(&markings).collect();
        write_feedback(runtime, Some(&model.adapter), &marked, session)?.into_iter().map(Some).collect()
    } else {
        vec![None; known.len()]
    };
    let marked = known.iter().zip(markings).zip(feedback);
    let marked = marked.map(|(((answer, question), marking), feedback)| MarkedAnswer {
        question: question.id.clone(),
        max_marks: question.max_marks,
        answer: answer.answer.clone(),
        marking,
        feedback,
    });
    Ok(marked.collect())
}

/// The mark out of the maximum, after its word where it has one.
fn given(marking: &Marking, maximum: Marks) -> String {
    let Marking { mark, verdict, .. } = marking;
    let mark = format!("{mark} of {maximum}");
    if *verdict == marking.mark.to_string() { mark } else { format!("{verdict}, {mark}") }
}

fn show(
    paper: &PaperFile,
    marked: &[MarkedAnswer],
    model: &TrainedModel,
    environment: &Environment,
) -> anyhow::Result<()> {
    let total: Marks = marked.iter().map(|answer| answer.marking.mark).sum();
    let maximum: Marks = marked.iter().map(|answer| answer.max_marks).sum();
    if environment.json {
        return output::print_json(&serde_json::json!({
            "student": paper.student, "total": total, "max_marks": maximum, "answers": marked,
            "missing": paper.reading.missing,
        }));
    }
    output::print(format!("Student {}: {total} of {maximum} marks", paper.student));
    for answer in marked {
        let marking = &answer.marking;
        let (question, confidence) = (&answer.question.0, marking.confidence * 100.0);
        let text =
            if answer.answer.is_empty() { "(blank)".to_owned() } else { shortened(&answer.answer, 100) };
        let sure = match marking.is_order() {
            true => "until a person has looked: it seems to speak to the marker".to_owned(),
            false => format!("confidence {confidence:.0} %, expected {:.2}", marking.expected_mark),
        };
        output::print(format!(
            "\nQuestion {question}: {} ({sure})\n  {text}",
            given(marking, answer.max_marks)
        ));
        answer.feedback.iter().for_each(|feedback| output::print(format!("  → {feedback}")));
    }
    let to_be_looked_at: Vec<&str> = marked
        .iter()
        .filter(|answer| !answer.marking.automatic)
        .map(|answer| answer.question.0.as_str())
        .collect();
    if !to_be_looked_at.is_empty() {
        output::print(format!(
            "
For a person to look at: question {}",
            to_be_looked_at.join(", ")
        ));
        let notes = model.judgement.iter().flat_map(|judgement| &judgement.marked_questions.notes);
        notes.for_each(|note| output::print(format!("  {note}")));
    }
    for missing in &paper.reading.missing {
        output::print(format!("\nQuestion {}: no answer was found in the paper", missing.0));
    }
    Ok(())
}
