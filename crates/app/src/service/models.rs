//! Base models that can be trained, and trained models.

use gradus_domain::ModelId;
use gradus_store::models::{self, TrainedModel};
use gradus_store::{Page, PageRequest, Whose, files, turns};

use super::Services;
use crate::{Error, Precondition};

impl Services {
    /// A trained model that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn model(&self, whose: Whose, id: ModelId) -> Result<TrainedModel, Error> {
        Ok(models::get(&self.store.reader(), whose, id).await?)
    }

    /// The trained model of a name, if it may be seen.
    pub async fn model_by_name(&self, whose: Whose, name: &str) -> Result<Option<TrainedModel>, Error> {
        Ok(models::find_by_name(&self.store.reader(), whose, name).await?)
    }

    /// A page of the trained models that may be seen.
    pub async fn models(&self, whose: Whose, request: &PageRequest) -> Result<Page<TrainedModel>, Error> {
        Ok(models::page(&self.store.reader(), whose, request).await?)
    }

    /// The files of a trained model that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn model_files(&self, whose: Whose, id: ModelId) -> Result<Vec<files::StoredFile>, Error> {
        self.model(whose, id).await?;
        Ok(files::of_model::files(&self.store.reader(), id).await?)
    }

    /// Deletes a trained model.
    ///
    /// # Errors
    /// When it is not theirs or not as is known, or a model test needs it.
    pub async fn delete_model(
        &self,
        whose: Whose,
        id: ModelId,
        known: Precondition<TrainedModel>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                if known.is_asked() {
                    turns::take(&tx, &id.to_string()).await?;
                    known.check("model", models::get(&tx, whose, id).await?)?;
                }
                models::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}
