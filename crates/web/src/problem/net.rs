//! The net around all routes: whatever fails, and however it was said, leaves as one form of error for each
//! surface. Panics become problems here too.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use gradus_domain::failure::Category as FailureCategory;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::openai::OpenAiError;
use super::{Category, Problem, ProblemDocument, Surface};
use crate::guard::RequestId;

/// The middleware.
pub(crate) async fn catch_problems(request: Request, next: Next) -> Response {
    let surface = Surface::of_path(request.uri().path());
    let is_head = request.method() == Method::HEAD;
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|panic| {
        let message = format!("a handler panicked: {}", panic_message(panic.as_ref()));
        tracing::error!(request_id = %id, "{message}");
        Problem::general(Category::Internal).with_failure(FailureCategory::Internal, message).into_response()
    });
    let Some(problem) = problem_of(&response, surface) else { return response };
    let mut response = write(response, &problem, surface, &id);
    if is_head {
        *response.body_mut() = Body::empty();
    }
    response
}

/// The problem that a response tells in no form of this surface, if it tells one.
fn problem_of(response: &Response, surface: Surface) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_finished = match surface {
        Surface::Api => kind.starts_with("application/problem+json"),
        Surface::OpenAi => kind.starts_with("application/json"),
        Surface::Page => kind.starts_with("text/html") || kind.starts_with("application/json"),
    };
    (!is_finished).then(|| Problem::general(Category::of_status(status)))
}

/// The response with the problem as its body. Its other headers (`Allow`, `Retry-After`) stay.
fn write(response: Response, problem: &Problem, surface: Surface, id: &RequestId) -> Response {
    let (mut parts, _) = response.into_parts();
    let written = match surface {
        Surface::Api => {
            let mut written = Json(ProblemDocument::new(problem, id.as_str())).into_response();
            let kind = HeaderValue::from_static("application/problem+json");
            written.headers_mut().insert(CONTENT_TYPE, kind);
            written
        }
        Surface::OpenAi => Json(OpenAiError::new(problem)).into_response(),
        Surface::Page => format!("{}\n{}\n", problem.category.title(), problem.detail).into_response(),
    };
    parts.status = problem.category.status_on(surface);
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(written.headers().clone());
    Response::from_parts(parts, written.into_body())
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or("without a message").replace(['\r', '\n'], " ")
}
