//! `models`: the base models on this server and the caller's trained models, own and shared.

use axum::Json;
use axum::extract::State;
use chrono::DateTime;
use gradus_app::Precondition;
use gradus_app::models::InstalledModel;
use gradus_app::store::models::TrainedModel;
use gradus_app::store::{PageRequest, Whose};
use gradus_domain::{Id, UserId};
use serde::Serialize;

use super::failure::Failure;
use super::list::{List, Listed};
use super::{Refusal, ids};
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelObject {
    /// Its name.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// When it came here or was trained, in seconds since 1970.
    pub created: i64,
    /// `system`, or a user.
    pub owned_by: String,
}

/// That a model is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletedModel {
    /// The name that it had.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// True.
    pub deleted: bool,
}

impl From<&InstalledModel> for ModelObject {
    fn from(model: &InstalledModel) -> Self {
        let pulled = DateTime::parse_from_rfc3339(&model.manifest.pulled_at);
        Self {
            id: model.manifest.name.clone(),
            object: "model",
            created: pulled.map_or(0, |pulled| pulled.timestamp()),
            owned_by: "system".to_owned(),
        }
    }
}

impl From<&TrainedModel> for ModelObject {
    fn from(model: &TrainedModel) -> Self {
        Self {
            id: model.name.clone(),
            object: "model",
            created: model.created_at.timestamp(),
            owned_by: ids::written("user-", model.owner_id.0),
        }
    }
}

impl Listed for ModelObject {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Lists the models that the caller may ask, all in one.
pub(super) async fn list_models(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<Json<List<ModelObject>>, Failure> {
    let services = &state.services;
    let mut models: Vec<ModelObject> =
        services.installed_base_models().await?.iter().map(ModelObject::from).collect();
    let mut request = PageRequest::first(PageRequest::MOST);
    loop {
        let page = services.models(Whose::Of(caller.user), &request).await?;
        models.extend(page.items.iter().map(ModelObject::from));
        request.after = page.items.last().map(|last| last.id.0.uuid());
        if !page.has_more {
            return Ok(Json(List::new(models, false)));
        }
    }
}

/// Shows a model.
pub(super) async fn find_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<ModelObject>, Failure> {
    if let Some(base) = state.services.installed_base_model(&name).await? {
        return Ok(Json(ModelObject::from(&base)));
    }
    Ok(Json(ModelObject::from(&trained_model(&state, caller.user, &name).await?)))
}

/// Deletes a trained model of the caller's own.
pub(super) async fn delete_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<DeletedModel>, Failure> {
    if state.services.installed_base_model(&name).await?.is_some() {
        let message = format!("The model `{name}` is a base model, which cannot be deleted here.");
        return Err(Refusal::invalid("model", "cannot_delete_base_model", message).into());
    }
    let model = trained_model(&state, caller.user, &name).await?;
    let deleted = state.services.delete_model(Whose::Of(caller.user), model.id.0, Precondition::none()).await;
    // Another's that is shared is seen, and not there to be deleted.
    deleted.map_err(|error| Failure::of(error, || Refusal::no_such_model(&name)))?;
    Ok(Json(DeletedModel { id: name, object: "model", deleted: true }))
}

async fn trained_model(state: &ServerState, user: UserId, name: &str) -> Result<TrainedModel, Failure> {
    let found = state.services.model_by_name(Whose::Of(user), name).await?;
    match found {
        Some(model) => Ok(model),
        None => Err(missing(state, name).await?.into()),
    }
}

/// Why there is no model of a name.
pub(super) async fn missing(state: &ServerState, name: &str) -> Result<Refusal, Failure> {
    let can_be_had = state.services.is_base_model(name).await?;
    Ok(if can_be_had { Refusal::not_installed(name) } else { Refusal::no_such_model(name) })
}
