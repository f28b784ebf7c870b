//! Sending a file, in a form or as the body. It is spooled before anything that is said about it is looked at, since a
//! form's fields may follow its file.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use gradus_app::service::documents::NewDocument;
use gradus_app::store::blobs::{Spool, SpooledBlob};
use gradus_domain::{DocumentPurpose, Scope, Word as _};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, de::value};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::conditions::created;
use super::super::fields::{DocumentPurposeWord, Line, Metadata, Whole};
use super::super::keyed;
use super::super::once::{Keeps, RequestKey, fingerprint, once};
use super::Document;
use crate::guard::{BodyPace, SignedIn};
use crate::problem::{ApiQuery, Category, FieldProblem, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;
use crate::upload::{DisplayName, receive_form, receive_raw};

/// The field of the form that has the file.
const FILE: &str = "file";
/// A file over a slow line takes long, but never stands still for long.
const PACE: BodyPace = BodyPace { idle: Duration::from_secs(30), total: Duration::from_secs(3600) };
/// Ten years at most.
type Hours = Whole<1, 87_600>;
type FileName = Line<255>;

/// The server's own limit is the least of it: how long a file may be is a setting, which handlers know.
const MOST_BODY_BYTES: u64 = 64 << 30;

pub(super) fn route() -> Route<ServerState> {
    let route =
        Route::described::<__path_create_document, _, _>(Access::author(Scope::Write), create_document);
    keyed(route).with_body_limits(MOST_BODY_BYTES, PACE)
}

/// A form with a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a form that is read as it arrives")]
pub(crate) struct DocumentForm {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// What it is for: `guide` (a marking guide) and `papers` (a student's answers) are read by a worker; `answers` are
    /// tables of marked answers or of the known marks of papers; `conversations` have to be JSON Lines in OpenAI's format
    /// and are checked at once; others are kept as they are.
    purpose: DocumentPurposeWord,
    /// What its owner notes on it: a JSON object of short texts.
    #[schema(nullable = false)]
    metadata: Option<String>,
    /// In how many hours it is to be deleted; nothing for never.
    #[schema(nullable = false)]
    hours: Option<Hours>,
}

/// A file as it is.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body that is read as it arrives")]
pub(crate) struct RawFile(Vec<u8>);

/// What is said about a file that is the body itself.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// Where the file is the body: what it is called.
    #[param(inline)]
    name: Option<FileName>,
    /// Where the file is the body: what it is for.
    #[param(inline)]
    purpose: Option<DocumentPurposeWord>,
    /// Where the file is the body: in how many hours it is to be deleted.
    #[param(inline)]
    hours: Option<Hours>,
}

/// A file that has arrived, and what was said about it.
struct Arrived {
    file: SpooledBlob,
    name: DisplayName,
    purpose: DocumentPurpose,
    metadata: Value,
    hours: Option<Hours>,
}

/// Uploads a document.
///
/// Send a form with the file, or the file itself as the body, with its name and purpose in the address.
#[utoipa::path(post, path = "/api/v1/documents", operation_id = "createDocument", tag = "Documents",
    params(FileQuery),
    request_body(content(
        (DocumentForm = "multipart/form-data"),
        (RawFile = "application/octet-stream"),
    )),
    responses((status = 201, description = "The document.", body = Document)))]
async fn create_document(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    key: RequestKey,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = receive(&state, request).await?;
    let (hash, purpose) = (arrived.file.blob().hash.to_string(), arrived.purpose.word());
    let metadata = arrived.metadata.to_string();
    let hours = arrived.hours.map(|hours| hours.0.to_string()).unwrap_or_default();
    let said = ["upload", &hash, arrived.name.as_str(), purpose, &metadata, &hours];
    let request_hash = fingerprint(&said.map(str::as_bytes));
    let user = caller.user;
    let work = async move |at_work: ServerState| {
        let expires_at =
            arrived.hours.map(|hours| at_work.clock.now() + TimeDelta::hours(hours.0.cast_signed()));
        let new = NewDocument {
            name: arrived.name.to_string(),
            purpose: arrived.purpose,
            metadata: arrived.metadata,
            expires_at,
        };
        let added = at_work.services.add_document(user, new, arrived.file).await.map_err(Problem::from);
        let shown = added.map(Document::from);
        let answered = shown.and_then(|shown| created(&format!("/api/v1/documents/{}", shown.id), &shown));
        answered.unwrap_or_else(|problem| problem.into_response())
    };
    once(&state, user, key, request_hash, Keeps::Answer, work).await
}

async fn receive(state: &ServerState, request: Request) -> Result<Arrived, Problem> {
    let spool = state.services.archive.spool();
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A request without a body need not say what kind of body it has not.
    if kind.is_empty() {
        let detail = "Send a form with a file, or the file itself as `application/octet-stream`.";
        return Err(Problem::new(Category::UnsupportedMediaType, detail));
    }
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data");
    let (mut parts, body) = request.into_parts();
    let ApiQuery(query) = ApiQuery::<FileQuery>::from_request_parts(&mut parts, &()).await?;
    if !is_form {
        return receive_body(body, query, state.max_upload_bytes, spool).await;
    }
    if query.name.is_some() || query.purpose.is_some() || query.hours.is_some() {
        return Err(said_twice());
    }
    receive_in_form(Request::from_parts(parts, body), state.max_upload_bytes, spool).await
}

async fn receive_in_form(request: Request, max_bytes: u64, spool: &Spool) -> Result<Arrived, Problem> {
    let form = receive_form(request, FILE, max_bytes, spool).await?;
    let mut fields = form.fields;
    let arrived = Arrived {
        purpose: required(&mut fields, "purpose").and_then(word::<DocumentPurposeWord>("purpose"))?.0,
        metadata: fields
            .remove("metadata")
            .map_or(Ok(Metadata::default()), |text| metadata(&text))?
            .into_value(),
        hours: fields.remove("hours").map(word::<Hours>("hours")).transpose()?,
        name: form.name,
        file: form.file,
    };
    match fields.into_keys().next() {
        None => Ok(arrived),
        Some(unknown) => Err(wrong(&unknown, "is not known here: leave it out")),
    }
}

async fn receive_body(
    body: Body,
    query: FileQuery,
    max_bytes: u64,
    spool: &Spool,
) -> Result<Arrived, Problem> {
    let (Some(name), Some(purpose)) = (query.name, query.purpose) else {
        return Err(Problem::new(
            Category::Invalid,
            "Say in the address what the file is called and what it is for.",
        )
        .with_field(FieldProblem::new("query", "must have `name` and `purpose`")));
    };
    Ok(Arrived {
        file: receive_raw(body, max_bytes, spool).await?,
        name: DisplayName::of(&name.into_text()),
        purpose: purpose.0,
        metadata: Metadata::default().into_value(),
        hours: query.hours,
    })
}

fn said_twice() -> Problem {
    let detail = "What a file in a form is for is said in the form, and not in the address.";
    let field = FieldProblem::new("query", "is for a file that is the body itself: leave it out");
    Problem::new(Category::Invalid, detail).with_field(field)
}

fn required(fields: &mut BTreeMap<String, String>, name: &str) -> Result<String, Problem> {
    fields.remove(name).ok_or_else(|| wrong(name, "is missing"))
}

/// Reads a field of a form as its type, whose refusal says what it should be.
fn word<T: DeserializeOwned>(name: &'static str) -> impl Fn(String) -> Result<T, Problem> {
    move |text| {
        let pair = format!("v={}", form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        let read: Result<One<T>, value::Error> = serde_urlencoded::from_str(&pair);
        read.map(|one| one.v).map_err(|error| wrong(name, &error.to_string()))
    }
}

#[derive(Deserialize)]
struct One<T> {
    v: T,
}

fn metadata(text: &str) -> Result<Metadata, Problem> {
    if text.contains("\\u0000") {
        return Err(wrong("metadata", "has a NUL character"));
    }
    serde_json::from_str(text).map_err(|error| wrong("metadata", &error.to_string()))
}

fn wrong(field: &str, message: &str) -> Problem {
    Problem::new(Category::Invalid, "The form has a field that is missing or not what it should be.")
        .with_field(FieldProblem::new(format!("body.{field}"), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_form_are_read_as_their_types() {
        assert_eq!(word::<Hours>("hours")("24".to_owned()).unwrap().0, 24);
        assert_eq!(word::<Hours>("hours")("0".to_owned()).unwrap_err().fields()[0].field, "body.hours");
        assert_eq!(
            word::<DocumentPurposeWord>("purpose")("guide".to_owned()).unwrap().0,
            DocumentPurpose::Guide
        );
        assert!(word::<DocumentPurposeWord>("purpose")("a&v=b".to_owned()).is_err());
    }

    #[test]
    fn metadata_is_an_object_of_texts_without_nul() {
        assert_eq!(metadata("{\"a\": \"b\"}").unwrap().into_value(), serde_json::json!({ "a": "b" }));
        for text in ["", "[]", "{\"a\": 1}", "{\"a\": \"\\u0000\"}"] {
            assert!(metadata(text).is_err(), "{text}");
        }
    }
}
