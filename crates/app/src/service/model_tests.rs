//! Model tests: a model tried on answers whose marks are known, drafted with submissions, run by a worker.

use gradus_domain::{
    DatasetVersionId, DocumentId, DocumentPurpose, Id, JobKind, ModelId, ModelTestId, ModelTestState,
    ModelTestStep, QueueJobState, SubmissionId, UserId, Wish,
};
use gradus_store::datasets::versions;
use gradus_store::model_tests::submissions::{self, Submission};
use gradus_store::model_tests::{self, ModelTest};
use gradus_store::{
    Json, Key, Page, PageRequest, StoreError, Text, Transaction, Whose, datasets, documents, models, queue,
    turns,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::datasets::check_ready;
use super::documents::check_use;
use super::{Services, admit_thing, admit_work, queue_work};
use crate::{Error, Precondition};

/// The most submissions of one test that are given one by one.
const MOST_SUBMISSIONS: u64 = 50_000;

/// How a test is run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelTestSettings {
    /// Documents with papers, whose marks `known_marks` has.
    pub papers: Vec<DocumentId>,
    /// The document with the table of the papers' marks.
    pub known_marks: Option<DocumentId>,
    /// Documents with tables of answers and their marks.
    pub answers: Vec<DocumentId>,
    /// Whether the answers that the dataset held out are tested on.
    pub held_out: bool,
    /// Whether answers made to mislead are marked too.
    pub robustness: bool,
    /// Whether feedback is written.
    pub feedback: bool,
}

/// A test to be made.
#[derive(Debug, Clone)]
pub struct NewModelTest {
    /// What people call it.
    pub name: String,
    /// The model.
    pub model: ModelId,
    /// The version whose guide is marked by.
    pub dataset_version: DatasetVersionId,
    /// How it is run.
    pub settings: ModelTestSettings,
}

/// An answer to be marked.
#[derive(Debug, Clone, Deserialize)]
pub struct NewSubmission {
    /// Who answered.
    pub student: Option<String>,
    /// The question's name in the guide.
    pub question: String,
    /// What they answered.
    pub answer: String,
    /// The mark, or the verdict, that it should get.
    pub expected: String,
}

impl Services {
    /// Makes a test, as a draft.
    ///
    /// # Errors
    /// When model, dataset or documents are not theirs to use, or the dataset is not ready.
    pub async fn add_model_test(&self, owner: UserId, new: NewModelTest) -> Result<ModelTest, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            check(&tx, owner, &new).await?;
            admit_thing(&tx, quotas, owner).await?;
            let test = ModelTest {
                id: Key(ModelTestId::new()),
                owner_id: Key(owner),
                name: new.name,
                model_id: Key(new.model),
                dataset_version_id: Some(Key(new.dataset_version)),
                state: Text(ModelTestState::Draft),
                settings: Json(serde_json::to_value(new.settings).unwrap_or_default()),
                done: 0,
                total: 0,
                result_hash: None,
                figures: Json(json!(null)),
                failure: None,
                created_at: tx.now(),
                started_at: None,
                finished_at: None,
                updated_at: tx.now(),
                revision: 1,
            };
            model_tests::insert(&tx, test.clone()).await?;
            Ok(test)
        })
        .await
    }

    /// Adds answers to a draft.
    ///
    /// # Errors
    /// When the test is not theirs or is no draft, or would have too many answers.
    pub async fn add_submissions(
        &self,
        whose: Whose,
        id: ModelTestId,
        new: Vec<NewSubmission>,
    ) -> Result<u64, Error> {
        self.write(move |tx| async move {
            turns::take(&tx, &id.to_string()).await?;
            let test = model_tests::get(&tx, whose, id).await?;
            if test.state.0 != ModelTestState::Draft {
                let used_by = "a run that was begun: make another test";
                return Err(StoreError::InUse { noun: "model test", used_by }.into());
            }
            let first = submissions::count(&tx, id).await?;
            if first + new.len() as u64 > MOST_SUBMISSIONS {
                let message =
                    format!("a test has at most {MOST_SUBMISSIONS}; upload a table of answers instead");
                return Err(Error::invalid("submissions", message));
            }
            let rows = new.into_iter().zip(first.cast_signed()..).map(|(submission, position)| Submission {
                id: Key(SubmissionId::new()),
                model_test_id: Key(id),
                position,
                document_id: None,
                student: submission.student,
                question: Some(submission.question),
                answer: submission.answer,
                expected: Some(submission.expected),
                verdict: None,
                confidence: None,
                needs_person: None,
                details: Json(json!({})),
                failure: None,
                created_at: tx.now(),
                marked_at: None,
            });
            submissions::insert_all(&tx, rows.collect()).await?;
            Ok(submissions::count(&tx, id).await?)
        })
        .await
    }

    /// Queues a test.
    ///
    /// # Errors
    /// When it is not theirs, has nothing to mark, or was begun.
    pub async fn run_model_test(&self, whose: Whose, id: ModelTestId) -> Result<ModelTest, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            turns::take(&tx, &id.to_string()).await?;
            let test = model_tests::get(&tx, whose, id).await?;
            let settings = settings_of(&test)?;
            let given = submissions::count(&tx, id).await?;
            if given == 0 && settings.answers.is_empty() && settings.papers.is_empty() && !settings.held_out {
                return Err(Error::invalid(
                    "submissions",
                    "there is nothing to mark: add submissions, or name papers or tables of answers, or set `held_out`",
                ));
            }
            admit_work(&tx, quotas, test.owner_id.0).await?;
            model_tests::step(&tx, id, ModelTestStep::Queue).await?;
            queue_work(&tx, JobKind::RunModelTest, test.owner_id.0, id).await?;
            Ok(model_tests::get(&tx, whose, id).await?)
        })
        .await
    }

    /// Gives a test up.
    ///
    /// # Errors
    /// When it is not theirs or has ended.
    pub async fn cancel_model_test(&self, whose: Whose, id: ModelTestId) -> Result<ModelTest, Error> {
        let test = self
            .store
            .write(move |tx| async move {
                let test = model_tests::get(&tx, whose, id).await?;
                gradus_domain::State::step(test.state.0, ModelTestStep::Cancel)?;
                if queue::wish(&tx, id.uuid(), Wish::Cancel).await? != Some(QueueJobState::Running) {
                    model_tests::step(&tx, id, ModelTestStep::Cancel).await?;
                }
                model_tests::get(&tx, whose, id).await
            })
            .await?;
        Ok(test)
    }

    /// A test that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn model_test(&self, whose: Whose, id: ModelTestId) -> Result<ModelTest, Error> {
        Ok(model_tests::get(&self.store.reader(), whose, id).await?)
    }

    /// A page of the tests that may be seen.
    pub async fn model_tests(&self, whose: Whose, request: &PageRequest) -> Result<Page<ModelTest>, Error> {
        Ok(model_tests::page(&self.store.reader(), whose, request).await?)
    }

    /// The answers of a test from a place on.
    ///
    /// # Errors
    /// When the test is not there.
    pub async fn submissions(
        &self,
        whose: Whose,
        id: ModelTestId,
        position: u64,
        most: u64,
    ) -> Result<Vec<Submission>, Error> {
        self.model_test(whose, id).await?;
        Ok(submissions::from(&self.store.reader(), id, position, most).await?)
    }

    /// Deletes a test with its submissions.
    ///
    /// # Errors
    /// When it is not theirs or not as is known, is running, or a report needs it.
    pub async fn delete_model_test(
        &self,
        whose: Whose,
        id: ModelTestId,
        known: Precondition<ModelTest>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                turns::take(&tx, &id.to_string()).await?;
                let test = model_tests::get(&tx, whose, id).await?;
                known.check("model test", test.clone())?;
                if matches!(test.state.0, ModelTestState::Queued | ModelTestState::Running) {
                    return Err(StoreError::InUse {
                        noun: "model test",
                        used_by: "a worker: cancel it first",
                    });
                }
                model_tests::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}

/// Makes sure that a user may test so, in the transaction that makes the test.
async fn check(tx: &Transaction, owner: UserId, new: &NewModelTest) -> Result<(), Error> {
    let whose = Whose::Of(owner);
    let model = models::get(tx, whose, new.model).await?;
    if model.kind != "marking" {
        let message = format!("{} was trained for {}, not for marking", model.name, model.kind);
        return Err(Error::invalid("model", message));
    }
    let version = versions::get(tx, new.dataset_version).await?;
    datasets::get(tx, whose, version.dataset_id.0).await?;
    check_ready(&version, "dataset_version")?;
    let settings = &new.settings;
    if settings.papers.is_empty() != settings.known_marks.is_none() {
        let message = "papers and the table of their marks go together: give both or none";
        return Err(Error::invalid("known_marks", message));
    }
    let papers = settings.papers.iter().map(|paper| ("papers", paper, DocumentPurpose::Papers));
    let known = settings.known_marks.iter().map(|marks| ("known_marks", marks, DocumentPurpose::Answers));
    let answers = settings.answers.iter().map(|table| ("answers", table, DocumentPurpose::Answers));
    for (field, &id, wanted) in papers.chain(known).chain(answers) {
        check_use(&documents::get(tx, whose, id).await?, field, wanted)?;
    }
    Ok(())
}

/// How a test is run, from its row.
pub(crate) fn settings_of(test: &ModelTest) -> Result<ModelTestSettings, Error> {
    serde_json::from_value(test.settings.0.clone())
        .map_err(|error| Error::Request(format!("the settings of the test cannot be read: {error}")))
}
