//! Making a job.

use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use gradus_app::Error;
use gradus_app::service::training_jobs::{NewTrainingJob, TrainOn};
use gradus_app::store::{StoreError, Whose};
use gradus_domain::{DocumentId, DocumentPurpose, DocumentState, ModelId, UserId};
use http::HeaderMap;
use serde_json::Value;

use super::super::failure::Failure;
use super::super::files::FINE_TUNE;
use super::super::{Refusal, ids};
use super::job::{FineTuningJob, shown};
use super::request::JobRequest;
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiJson;

/// How often OpenAI's client has sent the same request before.
const RETRIES: &str = "x-stainless-retry-count";
/// For how long a request that is sent again is answered with the job of the first.
const REMEMBERED: TimeDelta = TimeDelta::minutes(1);

/// Makes a job and queues it. A client that heard no answer and asks again gets the job that it has.
pub(in super::super) async fn create_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Value>,
) -> Result<Json<FineTuningJob>, Failure> {
    let request = JobRequest::read(&body)?;
    let new = new_job(&state, caller.user, request).await?;
    let services = &state.services;
    let job = if is_sent_again(&headers) {
        services.add_training_job_once(caller.user, new, REMEMBERED).await?
    } else {
        services.add_training_job(caller.user, new).await?
    };
    Ok(Json(shown(&state, &job).await?))
}

fn is_sent_again(headers: &HeaderMap) -> bool {
    let count = headers.get(RETRIES).and_then(|count| count.to_str().ok()?.parse::<u32>().ok());
    count.is_some_and(|count| count > 0)
}

async fn new_job(state: &ServerState, owner: UserId, request: JobRequest) -> Result<NewTrainingJob, Failure> {
    let (base_model, from_model) = start(state, owner, &request.model).await?;
    let training = file(state, owner, "training_file", &request.training_file).await?;
    let validation = match &request.validation_file {
        Some(id) => Some(file(state, owner, "validation_file", id).await?),
        None => None,
    };
    Ok(NewTrainingJob {
        name: match &request.suffix {
            Some(suffix) => format!("{suffix} ({})", request.model),
            None => format!("Fine-tuning of {}", request.model),
        },
        train_on: TrainOn::Conversations { training, validation },
        base_model,
        from_model,
        settings: request.settings,
        suffix: request.suffix,
        metadata: Value::Object(request.metadata),
    })
}

/// The base model, and the trained model to go on from, that a name stands for.
async fn start(state: &ServerState, owner: UserId, name: &str) -> Result<(String, Option<ModelId>), Failure> {
    let services = &state.services;
    // One of the catalogue that is not here, the worker fetches.
    if services.is_base_model(name).await? {
        if let Some(reason) = services.why_not_trained(name).await? {
            let message = format!("The model `{name}` {reason}.");
            return Err(Refusal::invalid("model", "model_not_available", message).into());
        }
        return Ok((name.to_owned(), None));
    }
    let trained = services.model_by_name(Whose::Of(owner), name).await?;
    let trained = trained.ok_or_else(|| {
        Refusal::of_checkpoint(name).unwrap_or_else(|| {
            let message = format!("The model `{name}` is not available for fine-tuning or does not exist.");
            Refusal::invalid("model", "model_not_available", message)
        })
    })?;
    Ok((trained.base_model, Some(trained.id.0)))
}

/// A file that can be learnt from.
async fn file(state: &ServerState, owner: UserId, param: &str, id: &str) -> Result<DocumentId, Failure> {
    let refused =
        |what: String| Refusal::invalid(param, "invalid_file", format!("Invalid '{param}': {what}."));
    let missing = || refused(format!("there is no file {id}"));
    let document_id: DocumentId = ids::read(ids::FILE, id).ok_or_else(missing)?;
    let document = match state.services.document(Whose::Of(owner), document_id).await {
        Err(Error::Store(StoreError::NotFound { .. })) => return Err(missing().into()),
        found => found?,
    };
    if document.purpose.0 != DocumentPurpose::Conversations {
        let what = format!("{id} was uploaded for another purpose; upload it with the purpose '{FINE_TUNE}'");
        return Err(refused(what).into());
    }
    if document.state.0 != DocumentState::Ready {
        return Err(refused(format!("{id} is {}", document.state.0)).into());
    }
    Ok(document_id)
}
