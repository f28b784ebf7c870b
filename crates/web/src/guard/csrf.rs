//! Cross-site request forgery: a page elsewhere makes a browser send a request with our cookie. What the
//! browser itself says about where a request comes from decides (Fetch Metadata, with Origin for browsers
//! and addresses without it).

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};

use super::PublicOrigin;

/// What a request's sender has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A bearer token: no browser adds one by itself.
    Bearer,
    /// The session cookie.
    Session,
    /// Nothing, as to sign in.
    Nothing,
}

/// Whether a request of `method` may have been made by a page of another site, and must be refused.
pub(crate) fn is_forged(
    method: &Method,
    headers: &HeaderMap,
    shown: Shown,
    public_origin: Option<&PublicOrigin>,
) -> bool {
    if method.is_safe() || shown == Shown::Bearer {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin";
    }
    match headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("null")) {
        Some(origin) => !is_own(origin, headers, public_origin),
        None => !is_harmless_without_origin(headers, shown),
    }
}

fn is_own(origin: &str, headers: &HeaderMap, public_origin: Option<&PublicOrigin>) -> bool {
    if let Some(own) = public_origin {
        return origin == own.as_str();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin: Option<Uri> = origin.parse().ok();
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// A program that signs in is no browser, and sends neither header. A forged form could not send JSON: for
/// that, a browser asks first, and is told no.
fn is_harmless_without_origin(headers: &HeaderMap, shown: Shown) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    shown == Shown::Nothing && essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const HOST_LINE: (&str, &str) = ("host", "gradus.example.org");

    fn is_refused(shown: Shown, lines: &[(&'static str, &'static str)], public: Option<&str>) -> bool {
        let lines = lines.iter().chain([&HOST_LINE]);
        let headers = lines.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        let public = public.map(|text| text.parse().unwrap());
        is_forged(&Method::POST, &headers.collect(), shown, public.as_ref())
    }

    #[test]
    fn the_table_of_origins_holds_with_a_cookie() {
        let own = ("origin", "https://gradus.example.org");
        let cases: [(&[(&str, &str)], bool); 12] = [
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "nonsense")], true),
            (&[("sec-fetch-site", "cross-site"), own], true),
            (&[own], false),
            (&[("origin", "https://evil.example")], true),
            (&[("origin", "https://gradus.example.org.evil.example")], true),
            (&[("origin", "null")], true),
            (&[("origin", "")], true),
            (&[], true),
        ];
        for (lines, refused) in cases {
            assert_eq!(is_refused(Shown::Session, lines, None), refused, "{lines:?}");
        }
    }

    #[test]
    fn a_configured_origin_is_compared_whole() {
        let public = Some("https://gradus.example.org");
        let is_refused = |origin| is_refused(Shown::Session, &[("origin", origin)], public);
        assert!(!is_refused("https://gradus.example.org"));
        assert!(is_refused("http://gradus.example.org"));
        assert!(is_refused("https://gradus.example.org:8443"));
    }

    #[test]
    fn a_bearer_token_needs_no_proof_and_reading_neither() {
        assert!(!is_refused(Shown::Bearer, &[("sec-fetch-site", "cross-site")], None));
        let headers = HeaderMap::new();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(!is_forged(&method, &headers, Shown::Session, None));
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(is_forged(&method, &headers, Shown::Session, None));
        }
    }

    #[test]
    fn signing_in_is_open_to_programs_and_closed_to_forged_forms() {
        let json = ("content-type", "application/json; charset=utf-8");
        let form = ("content-type", "application/x-www-form-urlencoded");
        assert!(!is_refused(Shown::Nothing, &[json], None));
        assert!(is_refused(Shown::Nothing, &[form], None));
        assert!(is_refused(Shown::Nothing, &[("content-type", "text/plain")], None));
        assert!(is_refused(Shown::Nothing, &[json, ("origin", "https://evil.example")], None));
        assert!(!is_refused(Shown::Nothing, &[form, ("origin", "https://gradus.example.org")], None));
        assert!(is_refused(Shown::Session, &[json], None));
    }
}
