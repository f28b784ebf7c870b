//! Which files a model's name stands for, for whoever may ask that model.

use gradus_store::models::TrainedModel;
use gradus_store::{Whose, files};

use super::restored_models::Lease;
use super::{Services, blocking};
use crate::Error;
use crate::models::InstalledModel;
use crate::serving::ServedModel;

/// A model to be asked. Its files stay where they are as long as this is held.
#[derive(Debug)]
pub struct AskedModel {
    /// Its files.
    pub files: ServedModel,
    /// None for a base model, which nobody removes.
    _lease: Option<Lease>,
}

impl Services {
    /// The model of a name, if it is one that may be seen: a base model that is on this machine, or a trained model,
    /// whose files are fetched from the archive where they are not here.
    ///
    /// # Errors
    /// When a trained model's base model is not on this machine, or its files cannot be fetched or are not sound.
    pub async fn asked_model(&self, whose: Whose, name: &str) -> Result<Option<AskedModel>, Error> {
        if let Some(base) = self.installed_base_model(name).await? {
            return Ok(Some(AskedModel { files: ServedModel::base(base.path()), _lease: None }));
        }
        match self.model_by_name(whose, name).await? {
            Some(model) => self.asked_trained_model(&model).await.map(Some),
            None => Ok(None),
        }
    }

    /// The base model of a name, if it is on this machine.
    ///
    /// # Errors
    /// When the process is shutting down.
    pub async fn installed_base_model(&self, name: &str) -> Result<Option<InstalledModel>, Error> {
        let (models, name) = (self.base_models.clone(), name.to_owned());
        blocking(move || Ok(models.show(&name))).await
    }

    /// The base models that are on this machine.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn installed_base_models(&self) -> Result<Vec<InstalledModel>, Error> {
        let models = self.base_models.clone();
        blocking(move || Ok(models.list()?)).await
    }

    /// Whether a base model can be trained: it is on this machine, or a worker can fetch it.
    ///
    /// # Errors
    /// When the process is shutting down.
    pub async fn is_base_model(&self, name: &str) -> Result<bool, Error> {
        Ok(self.catalogue.get(name).is_some() || self.installed_base_model(name).await?.is_some())
    }

    /// Why a base model cannot be trained, if it cannot.
    ///
    /// # Errors
    /// As [`Services::is_base_model`].
    pub async fn why_not_trained(&self, name: &str) -> Result<Option<String>, Error> {
        if self.installed_base_model(name).await?.is_some() {
            return Ok(None);
        }
        let Some(entry) = self.catalogue.get(name) else {
            let known: Vec<&str> = self.catalogue.entries().iter().map(|entry| entry.name.as_str()).collect();
            let known = known.join(", ");
            return Ok(Some(format!("there is no base model `{name}` here; the catalogue has {known}")));
        };
        // Nobody accepts them for the server but who runs it.
        Ok(entry.terms.clone().map(|terms| {
            let address = terms.addresses.first().map_or("", String::as_str);
            format!(
                "is not on this server, and under terms that have to be accepted first ({}, {address}): whoever runs the \
                 server has it with `gradus models pull {name} --accept-licence`",
                terms.name
            )
        }))
    }

    async fn asked_trained_model(&self, model: &TrainedModel) -> Result<AskedModel, Error> {
        let stored = files::of_model::files(&self.store.reader(), model.id.0).await?;
        let lease = self.restored_models.acquire(&self.archive, model.id.0, &stored).await?;
        let (services, name) = (self.clone(), model.base_model.clone());
        blocking(move || {
            let base = services.base_models.resolve(&name, &services.catalogue)?;
            let files = ServedModel::trained(&base, &lease.directory)?;
            Ok(AskedModel { files, _lease: Some(lease) })
        })
        .await
    }
}
