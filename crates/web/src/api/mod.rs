//! The REST API (`/api/v1`): one file a noun, each route with its description beside its handler. Handlers read the
//! request, ask a service and show what it says; whoever may do what is said in the table, and whose a thing is, the
//! services check.

mod audit_events;
mod conditions;
mod datasets;
mod documents;
mod error_events;
mod failed;
mod fields;
mod following;
mod listing;
mod me;
mod model_tests;
mod models;
mod once;
mod queue;
mod reports;
mod sessions;
mod setup;
mod shares;
mod tokens;
mod training_jobs;
mod users;

use axum::handler::Handler;
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

use crate::audited::Audited;
use crate::routes::{Access, Route};
use crate::state::ServerState;
use once::{KEY_HEADER, Keeps, Once};

/// All routes of the API.
#[must_use]
pub fn routes() -> Vec<Route<ServerState>> {
    [
        setup::routes(),
        sessions::routes(),
        me::routes(),
        tokens::routes(),
        users::routes(),
        documents::routes(),
        datasets::routes(),
        shares::routes(),
        training_jobs::routes(),
        models::routes(),
        model_tests::routes(),
        reports::routes(),
        queue::routes(),
        error_events::routes(),
        audit_events::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A route that makes something, once under each idempotency key.
fn making<D, H, T>(access: Access, handler: H) -> Route<ServerState>
where
    D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    H: Handler<T, ServerState>,
    T: 'static,
{
    keyed(Route::described::<D, _, T>(access, Once { handler, keeps: Keeps::Answer }))
}

/// A route that the audit log has under this word.
fn audited<D, H, T>(access: Access, action: &'static str, handler: H) -> Route<ServerState>
where
    D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    H: Handler<T, ServerState>,
    T: 'static,
{
    Route::described::<D, _, T>(access, Audited { action, handler })
}

/// A route whose answer has a secret in it, which is stored nowhere: under its key it is done once and answered once.
fn making_secret<D, H, T>(access: Access, handler: H) -> Route<ServerState>
where
    D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    H: Handler<T, ServerState>,
    T: 'static,
{
    keyed(Route::described::<D, _, T>(access, Once { handler, keeps: Keeps::Mark }))
}

/// A route with the idempotency key in its description.
fn keyed(route: Route<ServerState>) -> Route<ServerState> {
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let header = ParameterBuilder::new()
        .name(KEY_HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name that you make up for this request. Sent again under the same name within a day, it is done once, \
             and answered as the first time. `idempotency_key_unfinished` (409) says that the first try is still at it or \
             broke off: send it again after `Retry-After`. `idempotency_key_done` (409) says that it was done and that its \
             answer was lost: look at the list.",
        ))
        .schema(Some(key.pattern(Some("^[!-~]+$")).build()));
    route.with_parameter(header.build())
}
