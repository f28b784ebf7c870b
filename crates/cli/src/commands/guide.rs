//! `gradus guide show`: what was understood of a marking guide.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gradus_app::grading::guide::{GuideReading, Question};
use gradus_app::guides::read_guide;

use crate::environment::Environment;
use crate::output;

/// Marking guides: see what was understood
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus guide show guide.docx")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the questions, marks, model answers and rubric points found, and what was not used
    #[command(after_help = "Example:\n  gradus guide show guide.docx --json")]
    Show {
        /// The guide: DOCX, PDF, TXT, MD, HTML, RTF or JSON
        file: PathBuf,
    },
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let Action::Show { file } = &arguments.action;
    let guide = read_guide(file)?;
    if environment.json {
        return output::print_json(&guide.reading);
    }
    output::print(describe(&guide.reading));
    Ok(())
}

fn describe(reading: &GuideReading) -> String {
    let guide = &reading.guide;
    let total: gradus_app::domain::Marks = guide.questions.iter().map(|question| question.max_marks).sum();
    let mut lines = vec![
        guide.title.clone().unwrap_or_else(|| "(no title)".to_owned()),
        format!("{} questions, {total} marks", guide.questions.len()),
    ];
    guide.questions.iter().for_each(|question| lines.extend(describe_question(question)));
    if !reading.unread.is_empty() {
        lines.push(String::new());
        lines.push("Not used:".to_owned());
        lines.extend(reading.unread.iter().map(|passage| {
            let page = passage.page.map_or(String::new(), |page| format!(" (page {page})"));
            format!("  {}{page}: {}", passage.reason, shortened(&passage.text, 90))
        }));
    }
    lines.join("\n")
}

fn describe_question(question: &Question) -> Vec<String> {
    let confidence = question.confidence * 100.0;
    let mut lines = vec![
        String::new(),
        format!(
            "Question {} ({} marks), understood with confidence {confidence:.0} %",
            question.id.0, question.max_marks
        ),
        format!("  {}", question.text),
    ];
    lines.extend(question.model_answer.as_ref().map(|answer| format!("  Model answer: {answer}")));
    lines.extend(question.rubric.iter().map(|point| format!("  [{}] {}", point.marks, point.text)));
    lines.extend(question.notes.iter().map(|note| format!("  Note: {note}")));
    lines.extend(question.doubts.iter().map(|doubt| format!("  Doubt: {doubt}")));
    lines
}

/// The beginning of a text, on one line.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}
