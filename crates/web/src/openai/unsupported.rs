//! What OpenAI's API has and this server does not.

use axum::extract::OriginalUri;
use http::Method;

use super::{Refusal, RefusalClass};

/// Says that there is no such address here.
pub(super) async fn not_supported(method: Method, OriginalUri(address): OriginalUri) -> Refusal {
    Refusal {
        class: RefusalClass::NotFound,
        message: format!(
            "{method} {} is not supported by this server. It has /v1/models, /v1/files, /v1/fine_tuning/jobs, \
             /v1/chat/completions and /v1/responses.",
            address.path()
        ),
        param: None,
        code: Some("unknown_url"),
    }
}
