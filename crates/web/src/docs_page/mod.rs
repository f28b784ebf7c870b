//! The API's description for programs (`/api/v1/openapi.json`) and for people (`/api/docs`). The page has no
//! script and loads nothing but its own style sheet.

mod example;
mod page;
mod type_text;

use std::sync::{Arc, OnceLock};

use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::Method;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::openapi::OpenApi;

use crate::problem::{Category, Problem};
use crate::routes::{Access, Route};

const STYLE: &str = include_str!("../../templates/api.css");

/// Why a description cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// It cannot be written as JSON.
    #[error("the API's description cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// It cannot be written as a page.
    #[error("the API's page cannot be written")]
    Page(#[from] askama::Error),
}

/// The finished documents. Their routes are part of the table that they describe, so they are made first and
/// filled when the table is complete.
#[derive(Debug, Clone, Default)]
pub struct ApiDocs(Arc<OnceLock<Documents>>);

#[derive(Debug)]
struct Documents {
    json: Bytes,
    page: Bytes,
}

impl ApiDocs {
    /// Writes the documents, once. `server_url` stands in the examples.
    pub fn publish(&self, description: &OpenApi, server_url: &str) -> Result<(), DocsError> {
        let json = serde_json::to_value(description)?;
        let page = page::render(&json, server_url)?;
        let documents = Documents { json: serde_json::to_vec(&json)?.into(), page: page.into() };
        // A second publication would describe the same table.
        let _ = self.0.set(documents);
        Ok(())
    }

    /// The routes of the documents, open to anyone: they say nothing of what the server holds.
    #[must_use]
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Vec<Route<S>> {
        let (for_json, for_page) = (self.clone(), self.clone());
        let json = move || describe_api(for_json.clone());
        let page =
            move || async move { for_page.answer("text/html; charset=utf-8", |documents| &documents.page) };
        vec![
            Route::described::<__path_describe_api, _, _>(Access::anyone(), json),
            Route::undescribed(&Method::GET, "/", Access::anyone(), to_the_page),
            Route::undescribed(&Method::GET, "/api/docs", Access::anyone(), page),
            Route::undescribed(&Method::GET, "/api/docs/style.css", Access::anyone(), style).unmetered(),
        ]
    }

    fn answer(&self, kind: &'static str, part: impl Fn(&Documents) -> &Bytes) -> Response {
        match self.0.get() {
            Some(documents) => ([(CONTENT_TYPE, kind)], part(documents).clone()).into_response(),
            None => Problem::general(Category::Unavailable).into_response(),
        }
    }
}

/// This description (OpenAPI 3.1).
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "describeApi",
    tag = "Description",
    responses((status = 200, description = "The description.", body = serde_json::Value))
)]
async fn describe_api(docs: ApiDocs) -> Response {
    docs.answer("application/json", |documents| &documents.json)
}

/// Whoever opens the server's address in a browser finds what can be done with it.
async fn to_the_page() -> Redirect {
    Redirect::to("/api/docs")
}

async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")];
    (headers, STYLE).into_response()
}
