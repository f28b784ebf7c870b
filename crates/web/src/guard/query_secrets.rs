//! Credentials do not belong in an address: addresses end up in logs, histories and `Referer`.

use gradus_app::accounts::API_TOKEN_BEGINNING;
use http::Uri;

const NAMES: &[&str] = &[
    "access_token",
    "api_key",
    "api-key",
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "password",
    "secret",
    "session",
    "session_id",
    "token",
];

/// Whether the query of `uri` carries a secret, by a parameter's name or by the look of its value.
pub(crate) fn has_secret(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        NAMES.contains(&name.as_str()) || value.starts_with(API_TOKEN_BEGINNING)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_however_they_are_written() {
        for query in ["token=a", "a=b&ACCESS_TOKEN=x", "api%5Fkey=x", "q=grd_abc", "q=%67rd_abc", "password"]
        {
            assert!(has_secret(&format!("/x?{query}").parse().unwrap()), "{query}");
        }
    }

    #[test]
    fn common_parameters_are_none() {
        for query in ["", "limit=3&after=abc", "tokens=5", "q=my+token", "q=the%20grd_"] {
            assert!(!has_secret(&format!("/x?{query}").parse().unwrap()), "{query}");
        }
    }
}
