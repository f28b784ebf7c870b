//! Making a frozen dataset version of a guide and tables of marked answers.

use async_trait::async_trait;
use gradus_domain::{DatasetVersionId, DatasetVersionState, DatasetVersionStep, Id, SystemClock};
use gradus_grading::dataset::{Dataset, DatasetOptions, Example};
use gradus_store::datasets::examples::NewExample;
use gradus_store::datasets::sources;
use gradus_store::datasets::versions::{self, Frozen};
use gradus_store::{StoreError, Whose, documents};

use super::{Changes, Completion, Job, Left, on_a_thread};
use crate::datasets::{AnswerTable, build_from};
use crate::service::Services;
use crate::service::datasets::ANSWERS;
use crate::worker::Assignment;
use crate::{Error, Session, Watcher};

pub(super) struct BuildDataset;

#[async_trait]
impl Job for BuildDataset {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        let id: DatasetVersionId = assignment.subject()?;
        let version = assignment
            .write(move |tx| async move {
                versions::step(&tx, id, DatasetVersionStep::Build).await?;
                versions::get(&tx, id).await
            })
            .await?;
        let options: DatasetOptions = serde_json::from_value(version.settings.0).map_err(|error| {
            Error::Request(format!("the settings of the dataset cannot be read: {error}"))
        })?;
        let guide = assignment.services.guide_of(id).await?;
        let tables = tables(&assignment.services, id).await?;
        let stop = assignment.stop_question();
        let (dataset, warnings) = on_a_thread(move || {
            let mut notes = Notes::default();
            let mut session = Session { watcher: &mut notes, stop: &stop, clock: &SystemClock };
            let dataset = build_from(&guide, &tables, &options, &mut session)?;
            Ok((dataset, notes.warnings))
        })
        .await?;
        let stored = assignment.services.archive.keep_bytes(dataset.to_json()?.into_bytes()).await?;
        let frozen = Frozen {
            content_hash: dataset.content_hash.clone(),
            blob_hash: stored.hash.to_string(),
            figures: serde_json::json!({ "warnings": warnings, "findings": dataset.findings }),
            examples: dataset.examples.iter().map(|example| new_example(&dataset, example)).collect(),
        };
        Ok(Completion::new(move |tx| async move { versions::freeze(&tx, id, frozen).await }))
    }

    fn leave(&self, left: Left) -> Option<Changes> {
        let failure = left.final_failure("building it was cancelled")?;
        Changes::new(move |tx, subject| async move {
            let id = DatasetVersionId::from_uuid(subject);
            match versions::get(&tx, id).await {
                Ok(version)
                    if matches!(
                        version.state.0,
                        DatasetVersionState::Queued | DatasetVersionState::Building
                    ) =>
                {
                    versions::fail(&tx, id, failure).await
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}

/// The tables of answers that a version is built of.
async fn tables(services: &Services, id: DatasetVersionId) -> Result<Vec<AnswerTable>, Error> {
    let mut tables = Vec::new();
    for source in sources::of_version(&services.store.reader(), id).await? {
        if source.role == ANSWERS {
            let row = documents::get(&services.store.reader(), Whose::Anyones, source.document).await?;
            tables.push(AnswerTable { bytes: services.archive.read(&row.blob_hash).await?, name: row.name });
        }
    }
    Ok(tables)
}

fn new_example(dataset: &Dataset, example: &Example) -> NewExample {
    let scale = dataset.guide.question(&example.question).map(|question| question.scale());
    let verdict = scale.zip(dataset.verdict_position(example));
    NewExample {
        part: example.split.name().to_owned(),
        question: example.question.0.clone(),
        student: example.student.clone(),
        answer: example.answer.clone(),
        verdict: verdict
            .map_or_else(|| example.mark.to_string(), |(scale, position)| scale[position].name.clone()),
    }
}

/// What is worth knowing of the documents.
#[derive(Default)]
struct Notes {
    warnings: Vec<String>,
}

impl Watcher for Notes {
    fn warning(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}
