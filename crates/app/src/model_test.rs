//! A model test from files to a report: papers and known marks, or a table of marked answers.

use std::path::{Path, PathBuf};

use gradus_grading::dataset::{Dataset, check_held_out};
use gradus_grading::guide::Guide;
use gradus_grading::marked_answer::MarkedAnswer;
use gradus_report::TestReport;

use crate::datasets::read_marked_answers;
use crate::guides::GuideFile;
use crate::marking::Unmarked;
use crate::papers::{PaperFile, documents_in, marked_papers, read_known_marks, read_paper};
use crate::reporting::{Material, report};
use crate::robustness::{Attacks, Robustness, test_robustness};
use crate::runtime::Runtime;
use crate::testing::{Feedback, test_answers};
use crate::trained::TrainedModel;
use crate::{Error, Session, files};

/// Answers whose marks are known.
#[derive(Debug, Clone)]
pub enum Submissions {
    /// Whole papers in a directory, with a table of their marks.
    Papers {
        /// Holds the papers.
        directory: PathBuf,
        /// The table.
        known_marks: PathBuf,
    },
    /// A table of answers with their marks.
    Answers(PathBuf),
    /// Answers with their marks, as they were read elsewhere.
    Given {
        /// The papers that some of them stand in.
        papers: Vec<PaperFile>,
        /// The answers.
        answers: Vec<MarkedAnswer>,
        /// What did not fit together.
        problems: Vec<String>,
    },
}

/// A model test to be run.
pub struct ModelTestRequest<'a> {
    /// The report's title.
    pub title: String,
    /// What to mark by.
    pub guide: &'a GuideFile,
    /// What to test.
    pub model: &'a TrainedModel,
    /// Where the base model came from.
    pub model_source: String,
    /// What to test it on.
    pub submissions: &'a Submissions,
    /// What it was trained on, to tell unseen questions apart and to find leakage.
    pub dataset: Option<&'a Dataset>,
    /// Whether answers made to mislead are marked too.
    pub attacks: Attacks,
    /// Whether feedback is written.
    pub feedback: Feedback,
    /// The command that does this again.
    pub command: String,
    /// What a reader of the report must know of the data.
    pub caveats: Vec<String>,
}

/// Runs a model test.
pub fn run_model_test(
    request: &ModelTestRequest<'_>,
    runtime: &mut Runtime,
    session: &mut Session<'_>,
) -> Result<TestReport, Error> {
    if let Some(dataset) = request.dataset
        && dataset.content_hash != request.model.manifest.dataset_hash
    {
        session.watcher.warning(
            "The model was trained on another dataset than the one given; unseen questions and leakage may be told wrongly.",
        );
    }
    let guide = &request.guide.reading.guide;
    let (papers, answers, problems) = submissions(request.submissions, guide, session)?;
    if answers.is_empty() {
        return Err(Error::NothingToTest { problems });
    }
    problems.iter().for_each(|problem| session.watcher.warning(problem));
    let findings = request.dataset.map(|dataset| check_held_out(dataset, &answers)).unwrap_or_default();
    let tested = test_answers(runtime, request.model, guide, &answers, request.feedback, session)?;
    let robustness = attack(request, &answers, runtime, session)?;
    Ok(report(&Material {
        title: request.title.clone(),
        guide,
        guide_document: &request.guide.document,
        dataset: request.dataset,
        model: request.model,
        model_source: request.model_source.clone(),
        tested: &tested,
        robustness: robustness.as_ref(),
        papers: &papers,
        findings: &findings,
        problems,
        command: request.command.clone(),
        caveats: &request.caveats,
        generated_at: session.clock.now(),
    }))
}

/// Attacks on the submissions, where they are wanted.
fn attack(
    request: &ModelTestRequest<'_>,
    answers: &[MarkedAnswer],
    runtime: &mut Runtime,
    session: &mut Session<'_>,
) -> Result<Option<Robustness>, Error> {
    if request.attacks == Attacks::Skipped {
        return Ok(None);
    }
    let guide = &request.guide.reading.guide;
    let genuine: Vec<Unmarked<'_>> = answers
        .iter()
        .filter_map(|answer| {
            Some(Unmarked { question: guide.question(&answer.question)?, answer: &answer.answer })
        })
        .collect();
    test_robustness(runtime, request.model, &genuine, session)
}

/// Papers read, answers with known marks, and what did not fit together.
type Read = (Vec<PaperFile>, Vec<MarkedAnswer>, Vec<String>);

fn submissions(submissions: &Submissions, guide: &Guide, session: &mut Session<'_>) -> Result<Read, Error> {
    match submissions {
        Submissions::Papers { directory, known_marks } => {
            let papers = read_papers(directory, guide, session)?;
            let known = read_known_marks(known_marks, guide)?;
            let mut warnings: Vec<String> = known.warnings.iter().map(ToString::to_string).collect();
            let (answers, problems) = marked_papers(&papers, &known);
            warnings.extend(problems);
            Ok((papers, answers, warnings))
        }
        Submissions::Answers(path) => {
            let read = read_marked_answers(path, guide)?;
            let warnings = read.warnings.iter().map(ToString::to_string).collect();
            Ok((Vec::new(), read.answers, warnings))
        }
        Submissions::Given { papers, answers, problems } => {
            Ok((papers.clone(), answers.clone(), problems.clone()))
        }
    }
}

fn read_papers(directory: &Path, guide: &Guide, session: &mut Session<'_>) -> Result<Vec<PaperFile>, Error> {
    let mut papers = Vec::new();
    for path in documents_in(directory)? {
        session.check()?;
        let paper = read_paper(&path, guide)?;
        let (name, answers) = (paper.document.name(), paper.reading.answers.len());
        session.watcher.note(&format!("{name}: {answers} answers of student {}", paper.student));
        papers.push(paper);
    }
    Ok(papers)
}

/// Writes `report.html` and `report.json` into a directory and returns their paths.
pub fn write_report(report: &TestReport, directory: &Path) -> Result<(PathBuf, PathBuf), Error> {
    files::write_report(directory, &gradus_report::render_html(report)?, &gradus_report::to_json(report)?)
}
