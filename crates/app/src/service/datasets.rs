//! Datasets: a guide and tables of marked answers, frozen in versions that workers build.

use gradus_domain::{
    DatasetId, DatasetVersionId, DatasetVersionState, DatasetVersionStep, DocumentId, DocumentPurpose,
    JobKind, UserId,
};
use gradus_grading::dataset::DatasetOptions;
use gradus_store::datasets::examples::{self, Example};
use gradus_store::datasets::versions::{self, DatasetVersion, Source};
use gradus_store::datasets::{self, Dataset, sources};
use gradus_store::{Json, Key, Page, PageRequest, Rows, StoreError, Transaction, Whose, documents, turns};
use serde::Deserialize;

use super::documents::check_use;
use super::{Services, admit_thing, admit_work, queue_work};
use crate::accounts::Quotas;
use crate::guides::{GuideFile, guide_in};
use crate::{Error, Precondition};

/// What a document is in a dataset: its marking guide.
pub(crate) const GUIDE: &str = "guide";
/// What a document is in a dataset: a table of marked answers.
pub(crate) const ANSWERS: &str = "answers";

/// A dataset with its versions, the newest first.
pub type DatasetWithVersions = (Dataset, Vec<DatasetVersion>);

/// What a version of a dataset is built of.
#[derive(Debug, Clone, Deserialize)]
pub struct VersionRequest {
    /// The document of the marking guide.
    pub guide: DocumentId,
    /// The documents with tables of marked answers.
    pub answers: Vec<DocumentId>,
    /// How the answers are split.
    pub options: DatasetOptions,
}

impl VersionRequest {
    fn check(&self) -> Result<(), Error> {
        if self.answers.is_empty() {
            return Err(Error::invalid(
                "answers",
                "name at least one document with a table of marked answers",
            ));
        }
        let shares =
            [("validation_share", self.options.validation_share), ("test_share", self.options.test_share)];
        for (field, share) in shares {
            if !(0.0..1.0).contains(&share) {
                return Err(Error::invalid(field, format!("is {share}, and must be 0 or more and below 1")));
            }
        }
        Ok(())
    }

    fn sources(&self) -> Vec<Source> {
        let source = |document, role: &str| Source { document, role: role.to_owned() };
        let answers = self.answers.iter().map(|&document| source(document, ANSWERS));
        std::iter::once(source(self.guide, GUIDE)).chain(answers).collect()
    }
}

impl Services {
    /// Makes a dataset, with its first version if there is something to build it of.
    ///
    /// # Errors
    /// When a document is not theirs, or something in the request is wrong.
    pub async fn add_dataset(
        &self,
        owner: UserId,
        (name, description): (String, String),
        metadata: serde_json::Value,
        first: Option<VersionRequest>,
    ) -> Result<(Dataset, Option<DatasetVersion>), Error> {
        first.as_ref().map_or(Ok(()), VersionRequest::check).map_err(of_the_version)?;
        let quotas = self.quotas;
        let added = self
            .write(move |tx| async move {
                admit_thing(&tx, quotas, owner).await?;
                let dataset = Dataset {
                    id: Key(DatasetId::new()),
                    owner_id: Key(owner),
                    name,
                    description,
                    metadata: Json(metadata),
                    created_at: tx.now(),
                    updated_at: tx.now(),
                };
                datasets::insert(&tx, dataset.clone()).await?;
                let version = match first {
                    Some(request) => {
                        let added = add_version(&tx, quotas, owner, &dataset, &request).await;
                        Some(added.map_err(of_the_version)?)
                    }
                    None => None,
                };
                Ok((dataset, version))
            })
            .await?;
        Ok(added)
    }

    /// Makes the next version of a dataset.
    ///
    /// # Errors
    /// When dataset or documents are not theirs, or something in the request is wrong.
    pub async fn add_dataset_version(
        &self,
        whose: Whose,
        id: DatasetId,
        request: VersionRequest,
    ) -> Result<DatasetVersion, Error> {
        request.check()?;
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let dataset = datasets::get_owned(&tx, whose, id).await?;
            add_version(&tx, quotas, dataset.owner_id.0, &dataset, &request).await
        })
        .await
    }

    /// Has a version that failed built again.
    ///
    /// # Errors
    /// When it is not theirs or did not fail.
    pub async fn build_dataset_version_again(
        &self,
        whose: Whose,
        id: DatasetVersionId,
    ) -> Result<DatasetVersion, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let version = versions::get(&tx, id).await?;
            let dataset = datasets::get_owned(&tx, whose, version.dataset_id.0).await?;
            admit_work(&tx, quotas, dataset.owner_id.0).await?;
            versions::step(&tx, id, DatasetVersionStep::Retry).await?;
            queue_work(&tx, JobKind::BuildDataset, dataset.owner_id.0, id).await?;
            Ok(versions::get(&tx, id).await?)
        })
        .await
    }

    /// A dataset that may be seen, with its versions, the newest first.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn dataset(&self, whose: Whose, id: DatasetId) -> Result<DatasetWithVersions, Error> {
        Ok(with_versions(&self.store.reader(), whose, id).await?)
    }

    /// A page of the datasets that may be seen.
    pub async fn datasets(&self, whose: Whose, request: &PageRequest) -> Result<Page<Dataset>, Error> {
        Ok(datasets::page(&self.store.reader(), whose, request).await?)
    }

    /// A version of a dataset that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn dataset_version(&self, whose: Whose, id: DatasetVersionId) -> Result<DatasetVersion, Error> {
        let reader = self.store.reader();
        let version = versions::get(&reader, id).await?;
        datasets::get(&reader, whose, version.dataset_id.0).await?;
        Ok(version)
    }

    /// Examples of a version that may be seen, from a place on.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn examples(
        &self,
        whose: Whose,
        id: DatasetVersionId,
        position: u64,
        most: u64,
    ) -> Result<Vec<Example>, Error> {
        self.dataset_version(whose, id).await?;
        Ok(examples::from(&self.store.reader(), id, position, most).await?)
    }

    /// The marking guide that a version is built of.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(crate) async fn guide_of(&self, id: DatasetVersionId) -> Result<GuideFile, Error> {
        let reader = self.store.reader();
        let sources = sources::of_version(&reader, id).await?;
        let guide = sources
            .iter()
            .find(|source| source.role == GUIDE)
            .ok_or_else(|| Error::invalid(GUIDE, "the dataset names no marking guide"))?;
        let row = documents::get(&reader, Whose::Anyones, guide.document).await?;
        guide_in(self.read_text(&row).await?)
    }

    /// Gives a dataset another name or description.
    ///
    /// # Errors
    /// When it is not theirs or not as is known.
    pub async fn rename_dataset(
        &self,
        whose: Whose,
        id: DatasetId,
        (name, description): (Option<String>, Option<String>),
        known: Precondition<DatasetWithVersions>,
    ) -> Result<DatasetWithVersions, Error> {
        let renamed = self
            .store
            .write(move |tx| async move {
                check(&tx, whose, id, known).await?;
                datasets::rename(&tx, whose, id, name, description).await?;
                with_versions(&tx, whose, id).await
            })
            .await?;
        Ok(renamed)
    }

    /// Deletes a dataset with its versions.
    ///
    /// # Errors
    /// When it is not theirs or not as is known, or a training job or a model test needs it.
    pub async fn delete_dataset(
        &self,
        whose: Whose,
        id: DatasetId,
        known: Precondition<DatasetWithVersions>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                check(&tx, whose, id, known).await?;
                datasets::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}

/// What is wrong with a version that is asked for together with its dataset.
fn of_the_version(error: Error) -> Error {
    let Error::Invalid { mut problems } = error else { return error };
    problems.iter_mut().for_each(|problem| problem.field.insert_str(0, "version."));
    Error::Invalid { problems }
}

/// Makes sure that a version can be used.
pub(super) fn check_ready(version: &DatasetVersion, field: &str) -> Result<(), Error> {
    let message = match (version.state.0, &version.failure) {
        (DatasetVersionState::Ready, _) => return Ok(()),
        (DatasetVersionState::Failed, Some(Json(failure))) => {
            format!(
                "could not be built: {}; mend that and build it again, or use another version",
                failure.told()
            )
        }
        (state, _) => format!("is {state}: wait until it is ready"),
    };
    Err(Error::invalid(field, message))
}

async fn with_versions(
    rows: &impl Rows,
    whose: Whose,
    id: DatasetId,
) -> Result<DatasetWithVersions, StoreError> {
    Ok((datasets::get(rows, whose, id).await?, versions::of_dataset(rows, id).await?))
}

async fn check(
    tx: &Transaction,
    whose: Whose,
    id: DatasetId,
    known: Precondition<DatasetWithVersions>,
) -> Result<(), StoreError> {
    // Whoever changes it takes the turn: a change that asks for nothing must not come between another's look and change.
    turns::take(tx, &id.to_string()).await?;
    if !known.is_asked() {
        return Ok(());
    }
    known.check("dataset", with_versions(tx, whose, id).await?)
}

async fn add_version(
    tx: &Transaction,
    quotas: Quotas,
    owner: UserId,
    dataset: &Dataset,
    request: &VersionRequest,
) -> Result<DatasetVersion, Error> {
    admit_thing(tx, quotas, owner).await?;
    admit_work(tx, quotas, owner).await?;
    for source in request.sources() {
        let document = documents::get(tx, Whose::Of(owner), source.document).await?;
        let wanted = if source.role == GUIDE { DocumentPurpose::Guide } else { DocumentPurpose::Answers };
        check_use(&document, &source.role, wanted)?;
    }
    let settings = serde_json::to_value(&request.options).unwrap_or_default();
    let version = versions::insert(tx, dataset.id.0, settings, request.sources()).await?;
    queue_work(tx, JobKind::BuildDataset, owner, version.id.0).await?;
    Ok(version)
}
