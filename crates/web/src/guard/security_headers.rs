//! What every answer tells browsers to refuse.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::header::{Entry, HeaderName, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderValue};

/// Nothing but what comes from this server, and nothing written into a page.
pub const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
    frame-ancestors 'none'";

/// For a year, and for every host below this one.
const TRANSPORT_SECURITY: &str = "max-age=31536000; includeSubDomains";

/// Whether clients reach this server over TLS, which a proxy in front of it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TlsInFront(pub(crate) bool);

/// The middleware.
pub(crate) async fn add(State(tls): State<TlsInFront>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, REFERRER_POLICY, "same-origin");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if tls.0 {
        set(headers, STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    // A route may be stricter about its own content (downloads are sandboxed), and may let a style sheet be kept.
    set_if_absent(headers, CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
    set_if_absent(headers, CACHE_CONTROL, "no-store");
    response
}

/// Keeps an answer that is for one person alone out of every cache, whatever its route says.
pub(crate) fn forbid_storing(headers: &mut HeaderMap) {
    set(headers, CACHE_CONTROL, "no-store");
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

fn set_if_absent(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if let Entry::Vacant(entry) = headers.entry(name) {
        entry.insert(HeaderValue::from_static(value));
    }
}
