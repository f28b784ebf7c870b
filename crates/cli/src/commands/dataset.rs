//! `gradus dataset build | show`: datasets of marked answers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gradus_app::datasets::{DatasetRequest, build_dataset, load_dataset, save_dataset};
use gradus_app::grading::dataset::{Dataset, DatasetOptions, LeakedAnswers, Severity, Split};
use gradus_app::grading::guide::QuestionId;

use crate::environment::Environment;
use crate::output;

/// Datasets: build one from a guide and marked answers, look at one
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  gradus dataset build --guide guide.docx --answers marked.csv --output dataset.json"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(Build),
    /// Print what a dataset holds and what was found in it
    #[command(after_help = "Example:\n  gradus dataset show dataset.json")]
    Show {
        /// The dataset
        file: PathBuf,
    },
}

/// Build a dataset from a marking guide and tables of marked answers
///
/// A table is CSV (or JSONL) with the columns question, answer and mark, and if you have them student,
/// second_mark and feedback. Students are split between training, validation and test as a whole.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  gradus dataset build --guide guide.docx --answers marked.csv --unseen-questions 4,9 --output dataset.json"
)]
struct Build {
    /// The marking guide
    #[arg(long, value_name = "FILE")]
    guide: PathBuf,
    /// Tables of marked answers
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    answers: Vec<PathBuf>,
    /// Where to write the dataset
    #[arg(long, value_name = "FILE", default_value = "dataset.json")]
    output: PathBuf,
    /// Questions of which every answer is kept for testing
    #[arg(long, value_name = "QUESTIONS", value_delimiter = ',')]
    unseen_questions: Vec<String>,
    /// Share of the students kept for validation, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    validation_share: f64,
    /// Share of the students kept for testing, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    test_share: f64,
    /// Keep training answers whose text also stands in a held-out part
    #[arg(long)]
    keep_leaked: bool,
    /// Decides which students go where
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(arguments: Arguments, environment: &Environment) -> anyhow::Result<()> {
    match arguments.action {
        Action::Build(build) => {
            let output = build.output.clone();
            let dataset = environment.watch(|session| {
                let (dataset, _) = build_dataset(&build.into_request(), session)?;
                save_dataset(&dataset, &output)?;
                Ok(dataset)
            })?;
            show(&dataset, environment)?;
            if !environment.json {
                output::print(format!("\nWritten to {}", output.display()));
            }
            Ok(())
        }
        Action::Show { file } => show(&load_dataset(&file)?, environment),
    }
}

impl Build {
    fn into_request(self) -> DatasetRequest {
        let leaked_answers =
            if self.keep_leaked { LeakedAnswers::Keep } else { LeakedAnswers::RemoveFromTraining };
        DatasetRequest {
            guide: self.guide,
            answers: self.answers,
            options: DatasetOptions {
                unseen_questions: self.unseen_questions.into_iter().map(QuestionId).collect(),
                validation_share: self.validation_share,
                test_share: self.test_share,
                leaked_answers,
                seed: self.seed,
            },
        }
    }
}

fn show(dataset: &Dataset, environment: &Environment) -> anyhow::Result<()> {
    let summary = dataset.summary();
    if environment.json {
        return output::print_json(&serde_json::json!({
            "content_hash": dataset.content_hash,
            "options": dataset.options,
            "summary": summary,
            "findings": dataset.findings,
        }));
    }
    let mut rows = vec![
        ["QUESTION", "MARKS", "TRAINING", "VALIDATION", "UNSEEN ANSWERS", "UNSEEN QUESTIONS", "MARKS GIVEN"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for question in &summary.questions {
        let count = |split: Split| {
            let of_split = question.splits.iter().find(|count| count.split == split);
            of_split.map_or(0, |count| count.answers).to_string()
        };
        let marks = question.marks.iter().map(|count| format!("{}:{}", count.mark, count.count));
        rows.push(vec![
            question.question.0.clone(),
            question.max_marks.to_string(),
            count(Split::Train),
            count(Split::Validation),
            count(Split::UnseenAnswers),
            count(Split::UnseenQuestions),
            marks.collect::<Vec<_>>().join(" "),
        ]);
    }
    output::print(output::table(&rows));
    for count in &summary.splits {
        output::print(format!(
            "{}: {} answers of {} students",
            count.split.name(),
            count.answers,
            count.students
        ));
    }
    output::print(format!("marked twice: {}; content hash {}", summary.marked_twice, dataset.content_hash));
    for finding in &dataset.findings {
        let severity = match finding.severity {
            Severity::Information => "note",
            Severity::Warning => "warning",
            Severity::Serious => "serious",
        };
        output::print(format!("{severity}: {}", finding.message));
    }
    Ok(())
}
