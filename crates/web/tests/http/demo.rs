//! A few routes that stand for those of the product.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use gradus_app::accounts::Caller;
use gradus_app::store::Whose;
use gradus_app::store::blobs::Spool;
use gradus_domain::Scope;
use gradus_web::events::{
    Batch, EventSource, LastEventId, NumberedEvent, SourceError, StreamPace, event_stream,
};
use gradus_web::guard::{BodyPace, ClientAddress, RequestId, SessionCookie, SignedIn, Standing};
use gradus_web::metrics::{EXPOSITION_CONTENT_TYPE, Registry};
use gradus_web::problem::{ApiJson, ApiPath, ApiQuery, Category, Problem};
use gradus_web::routes::{Access, Route};
use gradus_web::upload::{receive_form, receive_raw};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::people::ALICE_SESSION;

/// The longest file that the demonstration takes.
pub(crate) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// How fast bodies of files arrive at the least.
pub(crate) const FILE_PACE: BodyPace =
    BodyPace { idle: Duration::from_millis(400), total: Duration::from_secs(60) };

#[derive(Clone)]
pub(crate) struct Demo {
    spool: Spool,
    registry: Registry,
    shutdown: CancellationToken,
    cookie: SessionCookie,
    /// How many times something was changed.
    pub(crate) changes: Arc<Mutex<usize>>,
    /// The number of events that have happened, and whether that is all.
    pub(crate) happened: Arc<watch::Sender<(u64, bool)>>,
    /// Told when the slow route has begun, and waited for until it may end.
    pub(crate) slow_began: Arc<Notify>,
    pub(crate) slow_may_end: Arc<Notify>,
}

impl Demo {
    pub(crate) fn new(
        spool: Spool,
        registry: Registry,
        shutdown: CancellationToken,
        cookie: SessionCookie,
    ) -> Self {
        Self {
            spool,
            registry,
            shutdown,
            cookie,
            changes: Arc::default(),
            happened: Arc::new(watch::Sender::new((0, false))),
            slow_began: Arc::default(),
            slow_may_end: Arc::default(),
        }
    }

    fn change(&self) {
        *self.changes.lock().unwrap() += 1;
    }
}

impl FromRef<Demo> for Spool {
    fn from_ref(demo: &Demo) -> Self {
        demo.spool.clone()
    }
}

pub(crate) fn routes() -> Vec<Route<Demo>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    vec![
        Route::undescribed(&Method::GET, "/health/live", Access::anyone(), async || "ok\n").unmetered(),
        Route::undescribed(&Method::GET, "/metrics", Access::admin(Scope::Read), metrics),
        Route::undescribed(&Method::POST, "/sign-in", Access::anyone(), sign_in_with_form)
            .accepting(&["application/x-www-form-urlencoded"]),
        Route::described::<__path_sign_in, _, _>(Access::anyone(), sign_in),
        Route::described::<__path_me, _, _>(reading, me),
        Route::described::<__path_list_notes, _, _>(reading, list_notes),
        Route::described::<__path_create_note, _, _>(writing, create_note),
        Route::described::<__path_find_note, _, _>(reading.shared(), find_note),
        Route::described::<__path_delete_note, _, _>(writing.owned(), delete_note),
        Route::described::<__path_cancel_note, _, _>(writing.owned(), cancel_note),
        Route::described::<__path_change_password, _, _>(
            Access::signed_in(Scope::Write).by_session(),
            change_password,
        ),
        Route::described::<__path_list_users, _, _>(Access::admin(Scope::Read), list_users),
        Route::described::<__path_upload_form, _, _>(writing, upload_form)
            .with_body_limits(64 * MAX_FILE_BYTES, FILE_PACE),
        Route::described::<__path_upload_raw, _, _>(writing, upload_raw)
            .with_body_limits(MAX_FILE_BYTES, FILE_PACE),
        Route::described::<__path_watch_job, _, _>(reading.shared(), watch_job),
        Route::undescribed(&Method::GET, "/api/v1/broken/{how}", reading.owned(), broken),
        Route::undescribed(&Method::GET, "/api/v1/me/picture", reading, async || {
            ([(CACHE_CONTROL, "public, max-age=60")], "a picture")
        }),
        Route::undescribed(&Method::GET, "/api/v1/slow", Access::anyone(), slow),
        Route::undescribed(&Method::GET, "/api/v1/endless", Access::anyone(), endless),
        Route::undescribed(&Method::POST, "/v1/chat/completions", reading, chat)
            .accepting(&["application/json"]),
        Route::undescribed(&Method::POST, "/v1/finished/cancel", reading, async || {
            Problem::general(Category::Conflict)
        }),
        Route::undescribed(&Method::GET, "/v1/broken", reading, async || -> Response {
            panic!("broken /etc/secret")
        }),
    ]
}

/// A session's beginning.
#[derive(Deserialize, ToSchema)]
struct SignIn {
    /// The user's name.
    name: String,
}

/// Begins a session.
#[utoipa::path(post, path = "/api/v1/sessions", operation_id = "signIn", tag = "Accounts", request_body = SignIn,
    responses((status = 204, description = "The session has begun; its cookie is set.")))]
async fn sign_in(State(demo): State<Demo>, ApiJson(sign_in): ApiJson<SignIn>) -> Result<Response, Problem> {
    if sign_in.name != "alice" {
        return Err(Problem::new(Category::Unauthenticated, "The name or the password is wrong."));
    }
    let cookie = demo.cookie.set(ALICE_SESSION, Duration::from_secs(3600));
    Ok((StatusCode::NO_CONTENT, cookie.map(|cookie| [(SET_COOKIE, cookie)]).unwrap()).into_response())
}

async fn sign_in_with_form(axum::Form(sign_in): axum::Form<SignIn>) -> String {
    format!("Welcome, {}.", sign_in.name)
}

/// Whoever asks.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "showMe", tag = "Accounts",
    responses((status = 200, description = "The caller.", body = Value)))]
async fn me(SignedIn(caller): SignedIn, address: ClientAddress, request: RequestId) -> Json<Value> {
    Json(json!({
        "id": caller.user,
        "name": caller.name,
        "address": address.0,
        "request": request.as_str(),
    }))
}

/// Changes the caller's password.
#[utoipa::path(put, path = "/api/v1/me/password", operation_id = "changePassword", tag = "Accounts",
    responses((status = 204, description = "It is changed.")))]
async fn change_password(State(demo): State<Demo>) -> StatusCode {
    demo.change();
    StatusCode::NO_CONTENT
}

/// Lists all users.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "listUsers", tag = "Accounts",
    responses((status = 200, description = "All users.", body = Value)))]
async fn list_users() -> Json<Value> {
    Json(json!([]))
}

/// Which notes are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct NoteFilter {
    /// How many at the most.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A note.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// What it is about.
    #[schema(max_length = 200, example = "Photosynthesis, question 3")]
    title: String,
    /// The marks of its parts.
    parts: Vec<NotePart>,
}

/// A part of a note.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NotePart {
    /// What the part is worth.
    #[schema(minimum = 0)]
    marks: u32,
    /// How far it has come.
    #[serde(default)]
    state: NoteState,
}

/// How far a note has come.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(rename_all = "snake_case")]
enum NoteState {
    /// Being written.
    #[default]
    Draft,
    /// Finished.
    Ready,
}

/// Lists notes.
#[utoipa::path(get, path = "/api/v1/notes", operation_id = "listNotes", tag = "Notes", params(NoteFilter),
    responses((status = 200, description = "Notes, newest first.", body = Vec<Note>)))]
async fn list_notes(ApiQuery(filter): ApiQuery<NoteFilter>) -> Json<Value> {
    Json(json!({ "limit": filter.limit }))
}

/// Creates a note.
///
/// Notes are the caller's own. Nobody else sees them until they are shared.
#[utoipa::path(post, path = "/api/v1/notes", operation_id = "createNote", tag = "Notes", request_body = Note,
    responses((status = 201, description = "The note as it was kept.", body = Note)))]
async fn create_note(State(demo): State<Demo>, ApiJson(note): ApiJson<Note>) -> (StatusCode, Json<Note>) {
    demo.change();
    (StatusCode::CREATED, Json(note))
}

/// Shows a note.
#[utoipa::path(get, path = "/api/v1/notes/{id}", operation_id = "findNote", tag = "Notes",
    params(("id" = Uuid, Path, description = "The note's id.")),
    responses((status = 200, description = "The note.", body = Note)))]
async fn find_note(ApiPath(id): ApiPath<Uuid>) -> Json<Value> {
    Json(json!({ "id": id }))
}

/// Deletes a note.
#[utoipa::path(delete, path = "/api/v1/notes/{id}", operation_id = "deleteNote", tag = "Notes",
    params(("id" = Uuid, Path, description = "The note's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_note(State(demo): State<Demo>, ApiPath(_id): ApiPath<Uuid>) -> StatusCode {
    demo.change();
    StatusCode::NO_CONTENT
}

/// Stops what is being done with a note.
#[utoipa::path(post, path = "/api/v1/notes/{id}/cancel", operation_id = "cancelNote", tag = "Notes",
    params(("id" = Uuid, Path, description = "The note's id.")),
    responses((status = 204, description = "It will stop.")))]
async fn cancel_note(State(demo): State<Demo>, ApiPath(_id): ApiPath<Uuid>) -> StatusCode {
    demo.change();
    StatusCode::NO_CONTENT
}

/// A form with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a form that is read as it arrives")]
struct FileForm {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Uploads a file in a form.
#[utoipa::path(post, path = "/api/v1/files", operation_id = "uploadFile", tag = "Files",
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "What arrived.", body = Value)))]
async fn upload_form(
    State(spool): State<Spool>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let form = receive_form(request, "file", MAX_FILE_BYTES, &spool).await?;
    let blob = form.file.blob();
    let (hash, name) = (blob.hash.to_string(), form.name.as_str());
    let body = json!({ "bytes": blob.bytes, "hash": hash, "name": name, "fields": form.fields });
    Ok((StatusCode::CREATED, Json(body)))
}

/// Uploads a file as the body.
#[utoipa::path(put, path = "/api/v1/files/raw", operation_id = "uploadRawFile", tag = "Files",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "What arrived.", body = Value)))]
async fn upload_raw(
    State(spool): State<Spool>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let file = receive_raw(request.into_body(), MAX_FILE_BYTES, &spool).await?;
    let blob = file.blob();
    let body = json!({ "bytes": blob.bytes, "hash": blob.hash.to_string() });
    Ok((StatusCode::CREATED, Json(body)))
}

/// The events of a job, as they happen.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", operation_id = "watchJob", tag = "Jobs",
    params(("id" = Uuid, Path, description = "The job's id."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last event that the client has.")),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = String)))]
async fn watch_job(
    State(demo): State<Demo>,
    SignedIn(caller): SignedIn,
    after: LastEventId,
    standing: Standing,
) -> Response {
    let pace = StreamPace {
        keep_alive: Duration::from_millis(150),
        recheck: Duration::from_millis(100),
        reconnect: Duration::from_millis(1500),
    };
    let source = Counting { happened: demo.happened.subscribe(), whose: caller.whose() };
    event_stream(source, after, standing, pace, demo.shutdown.clone())
}

/// With this one, no event can be read.
pub(crate) const FAILS: u64 = u64::MAX - 1;
/// Events after this one are for administrators.
pub(crate) const EVERYONES: u64 = 100;

/// One event for each number that has happened, at most three at a time.
struct Counting {
    happened: watch::Receiver<(u64, bool)>,
    whose: Whose,
}

#[async_trait::async_trait]
impl EventSource for Counting {
    fn seen_by(&mut self, caller: &Caller) {
        self.whose = caller.whose();
    }

    async fn after(&mut self, number: u64) -> Result<Batch, SourceError> {
        let (last, is_all) = *self.happened.borrow();
        if last == FAILS {
            return Err(SourceError::Failed("the events are damaged".into()));
        }
        if last == u64::MAX || last > EVERYONES && self.whose != Whose::Anyones {
            return Err(SourceError::Gone);
        }
        let numbers = (number + 1..=last).take(3);
        let event =
            |number| NumberedEvent { number, kind: "step", data: json!({ "step": number, "text": "a\nb" }) };
        let events: Vec<NumberedEvent> = numbers.map(event).collect();
        let is_last = is_all && number + events.len() as u64 >= last;
        Ok(Batch { events, is_last })
    }

    async fn changed(&mut self, number: u64) {
        let _ = self.happened.wait_for(|(last, is_all)| *last > number || *is_all).await;
    }
}

async fn metrics(State(demo): State<Demo>) -> Response {
    ([(CONTENT_TYPE, EXPOSITION_CONTENT_TYPE)], demo.registry.render()).into_response()
}

/// Fails in one way or another.
async fn broken(ApiPath(how): ApiPath<String>) -> Response {
    match how.as_str() {
        "panic" => panic!("the file /var/lib/gradus/secret.db is broken"),
        "internal" => {
            let cause =
                std::io::Error::other("SELECT password FROM users: no such table in /var/lib/secret.db");
            Problem::internal(&cause).into_response()
        }
        "text" => (StatusCode::CONFLICT, "SELECT 1 at /var/lib/secret.db").into_response(),
        "empty" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "busy" => Problem::general(Category::Unavailable).with_retry_after(7).into_response(),
        _ => Problem::general(Category::NotFound).into_response(),
    }
}

async fn slow(State(demo): State<Demo>) -> &'static str {
    demo.slow_began.notify_one();
    demo.slow_may_end.notified().await;
    "done"
}

async fn endless() -> Body {
    let part = bytes::Bytes::from(vec![b'x'; 64 * 1024]);
    let parts = futures_util::stream::repeat_with(move || Ok::<_, std::convert::Infallible>(part.clone()));
    Body::from_stream(parts)
}

#[derive(Deserialize)]
struct Chat {
    model: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

async fn chat(headers: HeaderMap, ApiJson(chat): ApiJson<Chat>) -> Json<Value> {
    let said: Vec<String> = chat.messages.into_iter().map(|message| message.content).collect();
    Json(json!({ "model": chat.model, "said": said, "client": headers.contains_key("x-stainless-lang") }))
}
