//! The routes under `/v1`, with who may use each.

use std::time::Duration;

use gradus_domain::Scope;
use http::Method;

use super::{answers, files, fine_tuning, models, unsupported};
use crate::ServerState;
use crate::audited::Audited;
use crate::guard::BodyPace;
use crate::routes::{Access, Route};

/// The longest conversation that is sent to a model: more text than any reads.
const MAX_CONVERSATION_BYTES: u64 = 2 << 20;
/// The longest body with a file: the server's own limit for files, which may be less, is kept besides.
const MAX_FORM_BYTES: u64 = 8 << 30;
/// How fast files arrive at the least.
const FILE_PACE: BodyPace = BodyPace { idle: Duration::from_secs(30), total: Duration::from_secs(3600) };

const JSON: &[&str] = &["application/json"];
const FORM: &[&str] = &["multipart/form-data"];

/// OpenAI's API.
#[must_use]
pub fn routes() -> Vec<Route<ServerState>> {
    let mut routes = Vec::new();
    routes.extend(file_routes());
    routes.extend(job_routes());
    routes.extend(model_routes());
    routes.extend(answer_routes());
    routes.extend(other_routes());
    routes
}

fn reading() -> Access {
    Access::signed_in(Scope::Read)
}

fn writing() -> Access {
    Access::author(Scope::Write)
}

fn get<H: axum::handler::Handler<T, ServerState>, T: 'static>(
    path: &str,
    access: Access,
    handler: H,
) -> Route<ServerState> {
    Route::undescribed(&Method::GET, path, access, handler)
}

fn post<H: axum::handler::Handler<T, ServerState>, T: 'static>(
    path: &str,
    access: Access,
    handler: H,
) -> Route<ServerState> {
    Route::undescribed(&Method::POST, path, access, handler)
}

fn delete<H: axum::handler::Handler<T, ServerState>, T: 'static>(
    path: &str,
    access: Access,
    handler: H,
) -> Route<ServerState> {
    Route::undescribed(&Method::DELETE, path, access, handler)
}

fn audited<H>(action: &'static str, handler: H) -> Audited<H> {
    Audited { action, handler }
}

fn file_routes() -> [Route<ServerState>; 5] {
    [
        post("/v1/files", writing(), files::create_file)
            .accepting(FORM)
            .with_body_limits(MAX_FORM_BYTES, FILE_PACE),
        get("/v1/files", reading(), files::list_files),
        get("/v1/files/{file_id}", reading().owned(), files::find_file),
        get("/v1/files/{file_id}/content", reading().owned(), files::file_content),
        delete("/v1/files/{file_id}", writing().owned(), audited("delete-document", files::delete_file)),
    ]
}

fn job_routes() -> [Route<ServerState>; 8] {
    let own = |under: &str| format!("/v1/fine_tuning/jobs/{{fine_tuning_job_id}}{under}");
    [
        post("/v1/fine_tuning/jobs", writing(), audited("start-training", fine_tuning::create_job))
            .accepting(JSON),
        get("/v1/fine_tuning/jobs", reading(), fine_tuning::list_jobs),
        get(&own(""), reading().owned(), fine_tuning::find_job),
        post(&own("/cancel"), writing().owned(), fine_tuning::cancel_job),
        post(&own("/pause"), writing().owned(), fine_tuning::pause_job),
        post(&own("/resume"), writing().owned(), audited("resume-training-job", fine_tuning::resume_job)),
        get(&own("/events"), reading().owned(), fine_tuning::list_events),
        get(&own("/checkpoints"), reading().owned(), fine_tuning::list_checkpoints),
    ]
}

fn model_routes() -> [Route<ServerState>; 3] {
    [
        get("/v1/models", reading(), models::list_models),
        get("/v1/models/{model}", reading().shared(), models::find_model),
        delete("/v1/models/{model}", writing().owned(), audited("delete-model", models::delete_model)),
    ]
}

/// Nothing is changed, but the machine is kept busy: a token that may only look does not suffice.
fn answer_routes() -> [Route<ServerState>; 2] {
    let asking = Access::signed_in(Scope::Write);
    let pace = BodyPace::default();
    [
        post("/v1/chat/completions", asking, answers::create_chat_completion)
            .accepting(JSON)
            .with_body_limits(MAX_CONVERSATION_BYTES, pace),
        post("/v1/responses", asking, answers::create_response)
            .accepting(JSON)
            .with_body_limits(MAX_CONVERSATION_BYTES, pace),
    ]
}

/// Every other address: nobody has anything there.
fn other_routes() -> impl Iterator<Item = Route<ServerState>> {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    methods.into_iter().map(|method| {
        Route::undescribed(&method, "/v1/{*address}", reading().owned(), unsupported::not_supported)
            .accepting(&["*/*"])
    })
}

#[cfg(test)]
mod tests {
    use crate::routes::RouteTable;

    use super::*;

    #[test]
    fn the_routes_make_a_table_and_none_is_for_everyone() {
        let table = RouteTable::new(routes()).unwrap();
        for facts in table.facts() {
            assert!(facts.access.needs_caller(), "{facts:?}");
            let is_change = facts.method != Method::GET && !facts.path.contains('*');
            assert_eq!(is_change, facts.access.scope() == Some(Scope::Write), "{facts:?}");
        }
    }
}
