//! The answers of a model test: those given one by one, those in tables and papers, those that the dataset held out.
//! Each becomes a submission, in the order in which they are marked.

use gradus_domain::{Marks, ModelTestId, SubmissionId};
use gradus_grading::dataset::{Dataset, Split};
use gradus_grading::guide::{Guide, QuestionId};
use gradus_grading::import::known_marks_csv;
use gradus_grading::marked_answer::{MarkedAnswer, RowSource};
use gradus_report::data::TestedAnswer;
use gradus_store::model_tests::submissions::{self, Marked, Submission};
use gradus_store::{Json, Key, Transaction, Whose, documents};
use serde_json::json;

use crate::Error;
use crate::datasets::AnswerTable;
use crate::papers::{PaperFile, marked_papers, paper_in};
use crate::service::Services;
use crate::service::model_tests::ModelTestSettings;
use crate::worker::Assignment;

/// How many submissions are read or written at a time.
const AT_ONCE: usize = 500;

/// What is marked.
pub(super) struct Answers {
    pub(super) papers: Vec<PaperFile>,
    pub(super) answers: Vec<MarkedAnswer>,
    /// What did not fit together.
    pub(super) problems: Vec<String>,
}

/// Gathers the answers, and makes those that were not given one by one submissions too.
pub(super) async fn gather(
    assignment: &Assignment,
    id: ModelTestId,
    settings: &ModelTestSettings,
    guide: &Guide,
    dataset: &Dataset,
) -> Result<Answers, Error> {
    let services = &assignment.services;
    let mut gathered = Answers { papers: Vec::new(), answers: Vec::new(), problems: Vec::new() };
    let (given, gathered_before) = given(services, id, guide).await?;
    gathered.answers.extend(given);
    let one_by_one = gathered.answers.len();
    for &document in &settings.answers {
        let row = documents::get(&services.store.reader(), Whose::Anyones, document).await?;
        let table = AnswerTable { bytes: services.archive.read(&row.blob_hash).await?, name: row.name };
        let read = table.marked_answers(guide)?;
        gathered.problems.extend(read.warnings.iter().map(ToString::to_string));
        gathered.answers.extend(read.answers);
    }
    if let Some(known_marks) = settings.known_marks {
        let row = documents::get(&services.store.reader(), Whose::Anyones, known_marks).await?;
        let known = known_marks_csv(&row.name, &services.archive.read(&row.blob_hash).await?, guide)?;
        for &paper in &settings.papers {
            let row = documents::get(&services.store.reader(), Whose::Anyones, paper).await?;
            gathered.papers.push(paper_in(services.read_text(&row).await?, guide)?);
        }
        let (answers, problems) = marked_papers(&gathered.papers, &known);
        gathered.problems.extend(problems);
        gathered.answers.extend(answers);
    }
    if settings.held_out {
        gathered.answers.extend(held_out(dataset));
    }
    let missing = gathered.answers.iter().skip(one_by_one + gathered_before).cloned().collect();
    submit(assignment, id, missing).await?;
    Ok(gathered)
}

/// The submissions that people added, which come first, and how many an earlier attempt added to them.
async fn given(
    services: &Services,
    id: ModelTestId,
    guide: &Guide,
) -> Result<(Vec<MarkedAnswer>, usize), Error> {
    let mut answers = Vec::new();
    let mut position = 0;
    loop {
        let some = submissions::from(&services.store.reader(), id, position, AT_ONCE as u64).await?;
        let (is_last, count) = (some.len() < AT_ONCE, some.len() as u64);
        let own = some.iter().filter(|submission| !is_gathered(submission));
        answers.extend(own.map(|submission| marked(submission, guide)).collect::<Result<Vec<_>, _>>()?);
        position += count;
        if is_last {
            let gathered = usize::try_from(position).unwrap_or(usize::MAX) - answers.len();
            return Ok((answers, gathered));
        }
    }
}

/// Whether a submission was made by an earlier attempt at the test.
fn is_gathered(submission: &Submission) -> bool {
    submission.details.0.get("source").is_some_and(|source| !source.is_null())
}

fn marked(submission: &Submission, guide: &Guide) -> Result<MarkedAnswer, Error> {
    let number = submission.position + 1;
    let field = |name: &str| format!("submissions[{}].{name}", submission.position);
    let name = submission.question.as_deref().unwrap_or_default();
    let question = guide.question(&QuestionId(name.to_owned())).ok_or_else(|| {
        let known: Vec<&str> = guide.questions.iter().map(|question| question.id.0.as_str()).collect();
        Error::invalid(
            &field("question"),
            format!("`{name}` is not in the guide; it has {}", known.join(", ")),
        )
    })?;
    let expected = submission.expected.as_deref().unwrap_or_default();
    let verdict = question.scale().into_iter().find(|verdict| verdict.name.eq_ignore_ascii_case(expected));
    let mark = match &verdict {
        Some(verdict) => verdict.marks,
        None => expected
            .parse::<Marks>()
            .map_err(|error| Error::invalid(&field("expected"), error.to_string()))?,
    };
    Ok(MarkedAnswer {
        student: submission.student.clone(),
        question: question.id.clone(),
        answer: submission.answer.clone(),
        mark,
        second_mark: None,
        verdict: verdict.filter(|verdict| verdict.name.parse::<Marks>().is_err()).map(|verdict| verdict.name),
        feedback: None,
        source: RowSource {
            file: "submissions".to_owned(),
            row: usize::try_from(number).unwrap_or_default(),
        },
    })
}

fn held_out(dataset: &Dataset) -> impl Iterator<Item = MarkedAnswer> {
    let tests = [Split::UnseenAnswers, Split::UnseenQuestions];
    dataset.examples.iter().filter(move |example| tests.contains(&example.split)).map(|example| {
        MarkedAnswer {
            student: example.student.clone(),
            question: example.question.clone(),
            answer: example.answer.clone(),
            mark: example.mark,
            second_mark: example.second_mark,
            verdict: example.verdict.clone(),
            feedback: example.feedback.clone(),
            source: example.source.clone(),
        }
    })
}

/// Adds the answers that no earlier attempt added.
async fn submit(assignment: &Assignment, id: ModelTestId, answers: Vec<MarkedAnswer>) -> Result<(), Error> {
    assignment
        .write(move |tx| async move {
            let first = submissions::count(&tx, id).await?;
            let rows: Vec<_> = answers
                .into_iter()
                .zip(first..)
                .map(|(answer, position)| row(&tx, id, position, answer))
                .collect();
            let total = first + rows.len() as u64;
            submissions::insert_all(&tx, rows).await?;
            gradus_store::model_tests::report_done(&tx, id, 0, total).await
        })
        .await?;
    Ok(())
}

fn row(tx: &Transaction, id: ModelTestId, position: u64, answer: MarkedAnswer) -> Submission {
    let expected = answer.verdict.clone().unwrap_or_else(|| answer.mark.to_string());
    Submission {
        id: Key(SubmissionId::new()),
        model_test_id: Key(id),
        position: position.cast_signed(),
        document_id: None,
        student: answer.student,
        question: Some(answer.question.0),
        answer: answer.answer,
        expected: Some(expected),
        verdict: None,
        confidence: None,
        needs_person: None,
        details: Json(json!({ "source": answer.source })),
        failure: None,
        created_at: tx.now(),
        marked_at: None,
    }
}

/// Stores what the model said of each answer, some at a time: all at once would keep others from writing.
pub(super) async fn store_marks(
    assignment: &Assignment,
    id: ModelTestId,
    tested: &[TestedAnswer],
) -> Result<(), Error> {
    for (number, some) in tested.chunks(AT_ONCE).enumerate() {
        let first = (number * AT_ONCE) as u64;
        let marks: Vec<Marked> = some.iter().map(of).collect();
        let total = tested.len() as u64;
        assignment
            .write(move |tx| async move {
                let rows = submissions::from(&tx, id, first, AT_ONCE as u64).await?;
                for (row, mark) in rows.iter().zip(marks) {
                    let mut mark = mark;
                    if let Some(source) = row.details.0.get("source") {
                        mark.details["source"] = source.clone();
                    }
                    submissions::mark(&tx, row.id.0, mark).await?;
                }
                let done = first + rows.len() as u64;
                gradus_store::model_tests::report_done(&tx, id, done, total).await
            })
            .await?;
    }
    Ok(())
}

fn of(answer: &TestedAnswer) -> Marked {
    Marked {
        verdict: answer.given_verdict.clone().unwrap_or_else(|| answer.given_mark.to_string()),
        confidence: answer.confidence,
        needs_person: !answer.automatic || answer.is_order,
        details: json!({
            "mark": answer.given_mark,
            "expected_mark": answer.expected_mark,
            "review_worth": answer.review_worth,
            "is_order": answer.is_order,
            "feedback": answer.feedback,
        }),
    }
}
