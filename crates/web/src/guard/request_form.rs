//! What is refused by the form of a request alone, before anyone asks who sends it.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderValue, Method};

use super::query_secrets;
use crate::problem::{Category, Problem};
use crate::server::Refusal;

/// The middleware.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    if let Some(refusal) = Refusal::of_stand_in(request.method(), request.uri().path()) {
        return unreadable(refusal).into_response();
    }
    // An address that exists says which methods it has; elsewhere an unknown method is refused all the same.
    let exists = request.extensions().get::<MatchedPath>().is_some();
    if !exists && !is_used(request.method()) {
        let mut response = Problem::general(Category::MethodNotAllowed).into_response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(""));
        return response;
    }
    if query_secrets::has_secret(request.uri()) {
        return secret_in_query().into_response();
    }
    next.run(request).await
}

fn is_used(method: &Method) -> bool {
    let used = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    used.contains(method)
}

fn unreadable(refusal: Refusal) -> Problem {
    let category = match refusal {
        Refusal::HeadTooLarge | Refusal::TooManyHeaders => Category::HeadersTooLarge,
        Refusal::RequestLineTooLong => Category::AddressTooLong,
        _ => Category::Malformed,
    };
    Problem::new(category, refusal.detail()).with_code(refusal.code())
}

fn secret_in_query() -> Problem {
    let detail = "The address carries a credential, and addresses are logged. Send it as \
        `Authorization: Bearer …`, and revoke this one.";
    Problem::new(Category::Malformed, detail).with_code("credential_in_query")
}
