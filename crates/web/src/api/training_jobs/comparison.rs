//! Training jobs beside each other.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use gradus_app::Error;
use gradus_app::service::comparison::{Compared, Comparison as Found, Point as FoundPoint};
use gradus_domain::{Id as _, Scope, TrainingJobId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Required};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::TrainingJob;
use crate::guard::SignedIn;
use crate::problem::{ApiQuery, Category, FieldProblem, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn route() -> Route<ServerState> {
    Route::described::<__path_compare_training_jobs, _, _>(
        Access::signed_in(Scope::Read),
        compare_training_jobs,
    )
}

/// Which jobs are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComparisonQuery {
    jobs: String,
}

impl IntoParams for ComparisonQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let uuid = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
        let id = ObjectBuilder::new().schema_type(Type::String).format(uuid);
        let ids = ArrayBuilder::new().items(id).min_items(Some(2)).max_items(Some(10)).unique_items(true);
        let jobs = ParameterBuilder::new()
            .name("jobs")
            .parameter_in(ParameterIn::Query)
            .required(Required::True)
            .description(Some("The ids of 2 to 10 different jobs, with commas between."))
            .style(Some(ParameterStyle::Form))
            .explode(Some(false))
            .schema(Some(ids));
        vec![jobs.build()]
    }
}

/// Training jobs beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    /// The jobs, in the order in which they were asked for.
    jobs: Vec<ComparedJob>,
    /// The settings in which they differ: for each, the value of each job.
    differences: BTreeMap<String, Vec<Value>>,
}

/// One of the jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparedJob {
    /// The job, whose progress has its newest figures.
    job: TrainingJob,
    /// The loss of the updates.
    training_loss: Vec<Point>,
    /// The loss on held-out data.
    validation_loss: Vec<Point>,
}

/// A value after an update.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    /// After which update.
    step: u64,
    /// The value.
    value: f64,
}

impl From<Compared> for ComparedJob {
    fn from(compared: Compared) -> Self {
        let points = |points: Vec<FoundPoint>| -> Vec<Point> {
            points.into_iter().map(|point| Point { step: point.step, value: point.value }).collect()
        };
        Self {
            job: compared.job.into(),
            training_loss: points(compared.curves.training_loss),
            validation_loss: points(compared.curves.validation_loss),
        }
    }
}

impl From<Found> for Comparison {
    fn from(found: Found) -> Self {
        let jobs = found.jobs.into_iter().map(ComparedJob::from).collect();
        Self { jobs, differences: found.differences }
    }
}

/// Compares training jobs: the settings in which they differ, their curves, their final figures.
#[utoipa::path(get, path = "/api/v1/training-job-comparison", operation_id = "compareTrainingJobs",
    tag = "Training", params(ComparisonQuery),
    responses((status = 200, description = "The jobs beside each other.", body = Comparison)))]
async fn compare_training_jobs(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<ComparisonQuery>,
) -> Result<Json<Comparison>, Problem> {
    let ids: Result<Vec<Uuid>, _> = query.jobs.split(',').map(str::parse).collect();
    let ids: Vec<TrainingJobId> =
        ids.map_err(|_| no_ids())?.into_iter().map(TrainingJobId::from_uuid).collect();
    match state.services.compare_training_jobs(caller.whose(), &ids).await {
        Ok(found) => Ok(Json(found.into())),
        Err(Error::Invalid { .. }) => Err(no_ids()),
        Err(error) => Err(error.into()),
    }
}

fn no_ids() -> Problem {
    Problem::new(Category::Invalid, "The jobs to compare cannot be read.").with_field(FieldProblem::new(
        "query.jobs",
        "must be the ids of 2 to 10 different jobs, with commas between",
    ))
}
