//! What is said where there is no route.

use axum::response::{IntoResponse, Response};

use crate::problem::{Category, Problem};

/// For an address that does not exist.
pub(super) async fn no_such_address() -> Response {
    Problem::general(Category::NotFound).into_response()
}

/// For an address that exists without this method. The router adds `Allow`.
pub(super) async fn no_such_method() -> Response {
    Problem::general(Category::MethodNotAllowed).into_response()
}
