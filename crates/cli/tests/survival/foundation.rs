//! What is made before anything is disturbed: what everything else uses, and what it must come to.

use serde_json::Value;

use crate::client::{Client, id};
use crate::uploads::Upload;
use crate::{course, datasets, examinations, trainings, uploads};

#[derive(Debug)]
pub(crate) struct Foundation {
    pub(crate) guide: String,
    pub(crate) answers: String,
    pub(crate) uploads: Vec<Upload>,
    /// What each kind of document is read as.
    pub(crate) readings: Vec<Value>,
    pub(crate) dataset: String,
    pub(crate) version: String,
    /// The hash of what a dataset of these documents teaches.
    pub(crate) content_hash: Value,
    pub(crate) job: String,
    pub(crate) model: String,
    /// The hash of the parameters that a run ends with.
    pub(crate) parameters: String,
    /// Every update of a run, with its loss.
    pub(crate) losses: Vec<(i64, f64)>,
    pub(crate) examination: examinations::Examination,
    /// What a test of the model gives each submission.
    pub(crate) marks: Vec<Value>,
}

impl Foundation {
    pub(crate) async fn lay(client: &Client) -> Self {
        let guide = uploads::send(client, "guide.md", "guide", course::GUIDE.as_bytes()).await;
        let answers = uploads::send(client, "answers.csv", "answers", course::answers().as_bytes()).await;
        assert_eq!(uploads::until_read(client, &guide).await["state"], "ready");
        let (mut uploads, readings) = uploads::send_all(client).await;
        for (id, bytes) in [(&guide, course::GUIDE.to_owned()), (&answers, course::answers())] {
            uploads.push(Upload { id: id.clone(), bytes: bytes.into_bytes(), is_deleted: false });
        }
        let (dataset, built) = datasets::build(client, "foundation", (&guide, &answers)).await;
        let (version, content_hash) = (id(&built), built["content_hash"].clone());
        let job = trainings::ask_for(client, "undisturbed", &version, trainings::EPOCHS).await;
        trainings::to_its_end(client, &job).await;
        let (model, parameters) = trainings::model(client, &job).await;
        let losses = trainings::losses(client, &job).await;
        let name = "undisturbed".to_owned();
        let examination = examinations::examine(client, name, (&model, &version), false).await;
        let marks = examinations::marks(client, &examination.test).await;
        assert!(marks.len() > 1 && marks.iter().all(|mark| !mark[2].is_null()), "{marks:?}");
        Self {
            guide,
            answers,
            uploads,
            readings,
            dataset,
            version,
            content_hash,
            job,
            model,
            parameters,
            losses,
            examination,
            marks,
        }
    }
}
